-- micro_halved: halving of the six taxes and two fees claimed as a small low-profit enterprise (codes ending in 049903) in periods whose own
-- quarter of income tax shows it above a limit: more than 300 persons, assets above 50,000,000 or taxable income of the year so far above
-- 3,000,000. Over the 12 months ending $as_of. Grain: one row a taxpayer that claimed; individual businesses are left out.
-- The law goes by the last settlement, which the query `six_taxes` compares; this is for periods without one (settled is null here).
WITH claimed AS (
    SELECT
        taxpayer_key,
        period,
        sum(relief) AS relief,
        CAST(period / 100 * 100 + (period % 100 + 2) / 3 * 3 AS INT) AS quarter,
        CAST((CASE WHEN period % 100 >= 7 THEN period / 100 - 1 ELSE period / 100 - 2 END) * 100 + 12 AS INT) AS settled_period
    FROM benefit_claim
    WHERE period BETWEEN period_add($as_of, -11) AND $as_of AND substr(relief_code, 5) = '049903' AND relief > 0
    GROUP BY taxpayer_key, period
),
quarter AS (
    SELECT
        taxpayer_key,
        period,
        bool_or(employees_avg > 300 OR assets_avg > 50000000 OR taxable_income > 3000000) AS too_large,
        max(CAST(employees_avg AS DOUBLE)) AS employees,
        max(assets_avg) AS assets,
        max(taxable_income) AS taxable
    FROM cit_return
    WHERE period_type = 'Q' AND period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key, period
),
settled AS (
    SELECT taxpayer_key, period FROM cit_return WHERE period_type = 'Y' GROUP BY taxpayer_key, period
)
SELECT
    c.taxpayer_key,
    count(*) AS micro_halved_n,
    count(*) FILTER (WHERE s.taxpayer_key IS NULL AND q.taxpayer_key IS NOT NULL) AS micro_halved_known,
    count(*) FILTER (WHERE s.taxpayer_key IS NULL AND q.too_large) AS micro_halved_wrong,
    CAST(coalesce(sum(c.relief) FILTER (WHERE s.taxpayer_key IS NULL AND q.too_large), 0) AS DECIMAL(28, 2)) AS micro_halved_relief,
    max(q.employees) AS micro_halved_employees,
    CAST(max(q.assets) AS DECIMAL(28, 2)) AS micro_halved_assets,
    CAST(max(q.taxable) AS DECIMAL(28, 2)) AS micro_halved_taxable
FROM claimed AS c
JOIN taxpayer AS t ON t.taxpayer_key = c.taxpayer_key AND t.valid_to IS NULL AND t.kind <> 'individual_business'
LEFT JOIN quarter AS q ON q.taxpayer_key = c.taxpayer_key AND q.period = c.quarter
LEFT JOIN settled AS s ON s.taxpayer_key = c.taxpayer_key AND s.period = c.settled_period
GROUP BY c.taxpayer_key
