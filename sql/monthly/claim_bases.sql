-- claim_bases: details of VAT reliefs by the way they work. Grain: one row a taxpayer and period with one.
-- exempt: sales exempt under a code of their own: every code but 其他 (0001129999), refunds on collection and reductions of tax, which are
-- named below. other: sales under 其他. small: sales at 1 instead of 3 percent. reduced: tax taken off under codes that reduce tax.
WITH claim AS (
    SELECT
        taxpayer_key,
        period,
        relief_code,
        base,
        relief,
        relief_code IN ('0001011608', '0001129924', '0001129914', '0001011705', '0001013610', '0001013611', '0001013612', '0001013613',
            '0001011811', '0001011812', '0001011813', '0001011814') AS is_reduction,
        relief_code IN ('0001024103', '0001012716', '0001121311', '0001064019') AS is_refund
    FROM benefit_claim
    WHERE tax_code = 'vat'
)
SELECT
    taxpayer_key,
    period,
    coalesce(sum(base) FILTER (WHERE NOT is_reduction AND NOT is_refund AND relief_code <> '0001129999'), 0) AS claim_bases_exempt,
    coalesce(sum(base) FILTER (WHERE relief_code = '0001129999'), 0) AS claim_bases_other,
    coalesce(sum(base) FILTER (WHERE relief_code = '0001011608'), 0) AS claim_bases_small,
    coalesce(sum(relief) FILTER (WHERE is_reduction), 0) AS claim_bases_reduced
FROM claim
GROUP BY taxpayer_key, period
