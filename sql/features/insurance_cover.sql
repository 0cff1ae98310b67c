-- insurance_cover: whether insurance data were loaded for those around a taxpayer. Of the taxpayers of its office that paid wages
-- over the 12 months ending $as_of, the share the insurance funds know. Grain: one row a taxpayer of an office where someone paid wages.
-- A firm missing from the funds' data is uninsured only where most others of its office are in them; else nobody knows.
WITH paying AS (
    SELECT taxpayer_key FROM payroll
    WHERE period BETWEEN period_add($as_of, -11) AND $as_of AND wages > 0
    GROUP BY taxpayer_key
),
insured AS (
    SELECT taxpayer_key FROM social_insurance
    WHERE period BETWEEN period_add($as_of, -11) AND $as_of AND base > 0
    GROUP BY taxpayer_key
),
registered AS (
    SELECT taxpayer_key, office_code FROM taxpayer WHERE valid_to IS NULL AND office_code IS NOT NULL
),
offices AS (
    SELECT r.office_code, count(*) AS paying_n, count(insured.taxpayer_key) AS insured_n
    FROM registered AS r
    JOIN paying ON paying.taxpayer_key = r.taxpayer_key
    LEFT JOIN insured ON insured.taxpayer_key = r.taxpayer_key
    GROUP BY r.office_code
)
SELECT r.taxpayer_key, CAST(o.insured_n AS DOUBLE) / CAST(o.paying_n AS DOUBLE) AS insurance_cover_share
FROM registered AS r
JOIN offices AS o ON o.office_code = r.office_code
