-- vat_reliefs: details of VAT reliefs in the return. Grain: one row a taxpayer and period with a VAT relief claimed.
SELECT
    taxpayer_key,
    period,
    count(*) AS vat_reliefs_n,
    sum(relief) AS vat_reliefs_amount
FROM benefit_claim
WHERE tax_code = 'vat'
GROUP BY taxpayer_key, period
