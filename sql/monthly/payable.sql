-- payable: VAT payable before what is set off for employing veterans and key groups or for being one. Grain: one row a taxpayer and period
-- declared for. Of the return it is line 24 with these reliefs added back where the reduction of line 23 holds them: where it is at least
-- the sum of all reliefs that reduce the tax. key_groups, veterans: what was set off for them.
WITH reliefs AS (
    SELECT
        taxpayer_key,
        period,
        sum(relief) AS reductions,
        coalesce(sum(relief) FILTER (WHERE left(relief_code, 8) = '00010136'), 0) AS key_groups,
        coalesce(sum(relief) FILTER (WHERE left(relief_code, 8) = '00010118'), 0) AS veterans
    FROM benefit_claim
    WHERE tax_code = 'vat'
        AND (left(relief_code, 8) IN ('00010136', '00010118') OR relief_code IN ('0001011608', '0001011705', '0001129914', '0001129924'))
    GROUP BY taxpayer_key, period
)
SELECT
    v.taxpayer_key,
    v.period,
    CAST(sum(v.tax_total) + max(CASE
        WHEN coalesce(v.tax_reduction, 0) >= r.reductions THEN r.key_groups + r.veterans ELSE 0 END) AS DECIMAL(28, 2)) AS payable_tax,
    CAST(coalesce(max(r.key_groups), 0) AS DECIMAL(28, 2)) AS payable_key_groups,
    CAST(coalesce(max(r.veterans), 0) AS DECIMAL(28, 2)) AS payable_veterans
FROM vat_return AS v
LEFT JOIN reliefs AS r ON r.taxpayer_key = v.taxpayer_key AND r.period = v.period
GROUP BY v.taxpayer_key, v.period
