-- register_then: the registration on the last day of $as_of, which may be another than today's. Grain: one row a taxpayer registered then.
-- Most have one registration, which is told without putting several into order.
WITH several AS (
    SELECT taxpayer_key FROM taxpayer GROUP BY taxpayer_key HAVING count(*) > 1
),
valid AS (
    SELECT * FROM taxpayer WHERE (valid_from IS NULL OR valid_from <= period_end($as_of)) AND (valid_to IS NULL OR valid_to >= period_end($as_of))
),
latest AS (
    SELECT *, 1 AS place FROM valid AS v WHERE NOT EXISTS (SELECT 1 FROM several AS s WHERE s.taxpayer_key = v.taxpayer_key)
    UNION ALL
    SELECT *, row_number() OVER (PARTITION BY taxpayer_key ORDER BY valid_from DESC) AS place
    FROM valid AS v
    WHERE EXISTS (SELECT 1 FROM several AS s WHERE s.taxpayer_key = v.taxpayer_key)
)
SELECT
    taxpayer_key,
    kind AS then_kind,
    vat_status AS then_vat_status,
    industry_code AS then_industry,
    region_code AS then_region,
    credit_rating AS then_credit,
    CAST(employees AS BIGINT) AS then_employees,
    registered_on AS then_registered_on
FROM latest
WHERE place = 1
