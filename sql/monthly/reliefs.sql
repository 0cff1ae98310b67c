-- reliefs: details of reliefs claimed. Grain: one row a taxpayer and period.
SELECT
    taxpayer_key,
    period,
    count(DISTINCT relief_code) AS relief_kinds,
    sum(relief) AS relief_total,
    sum(relief) FILTER (WHERE tax_code = 'vat') AS relief_vat,
    sum(relief) FILTER (WHERE tax_code = 'cit') AS relief_cit
FROM benefit_claim
GROUP BY taxpayer_key, period
