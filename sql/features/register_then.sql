-- register_then: the registration on the last day of $as_of, which may be another than today's. Grain: one row a taxpayer registered then.
SELECT
    taxpayer_key,
    kind AS then_kind,
    vat_status AS then_vat_status,
    industry_code AS then_industry,
    region_code AS then_region,
    credit_rating AS then_credit,
    CAST(employees AS BIGINT) AS then_employees,
    registered_on AS then_registered_on
FROM (
    SELECT *, row_number() OVER (PARTITION BY taxpayer_key ORDER BY valid_from DESC) AS place
    FROM taxpayer
    WHERE (valid_from IS NULL OR valid_from <= period_end($as_of)) AND (valid_to IS NULL OR valid_to >= period_end($as_of))
) AS t
WHERE place = 1
