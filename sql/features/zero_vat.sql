-- zero_vat: months without VAT payable for which the returns show no reason, of the 12 ending $as_of. Grain: one row a taxpayer that
-- filed for any of them.
--
-- Payable nil is tax_total = 0. Reasons that the rating rule accepts and a return shows: credit left over, extra deduction, a reduction,
-- exempt or export sales, a VAT relief claimed for the period. The return of one who has only ever filed for months that end a
-- quarter stands for three months. A period not filed for ends a run: nothing is known of it.
WITH filers AS (
    SELECT taxpayer_key, bool_or(period % 100 % 3 <> 0) AS monthly FROM vat_return GROUP BY taxpayer_key
),
relieved AS (
    SELECT DISTINCT taxpayer_key, period
    FROM benefit_claim
    WHERE tax_code = 'vat' AND relief > 0 AND period BETWEEN period_add($as_of, -11) AND $as_of
),
filed AS (
    SELECT
        v.taxpayer_key,
        period_diff(v.period, 200001) AS at,
        max(CASE WHEN f.monthly THEN 1 ELSE 3 END) AS months,
        bool_and(v.tax_total = 0 AND coalesce(v.closing_credit, 0) = 0 AND coalesce(v.extra_deduction, 0) = 0 AND coalesce(v.tax_reduction, 0) = 0
            AND coalesce(v.export_sales, 0) = 0 AND coalesce(v.exempt_sales, 0) = 0 AND coalesce(v.small_exempt_sales, 0) = 0
            AND r.taxpayer_key IS NULL) AS bare
    FROM vat_return AS v
    JOIN filers AS f ON f.taxpayer_key = v.taxpayer_key
    LEFT JOIN relieved AS r ON r.taxpayer_key = v.taxpayer_key AND r.period = v.period
    WHERE v.period BETWEEN period_add($as_of, -11) AND $as_of AND v.tax_total IS NOT NULL
    GROUP BY v.taxpayer_key, v.period
),
breaks AS (
    SELECT
        taxpayer_key,
        at,
        months,
        CASE WHEN at - months = lag(at) OVER (PARTITION BY taxpayer_key ORDER BY at) THEN 0 ELSE 1 END AS broken
    FROM filed
    WHERE bare
),
runs AS (
    SELECT taxpayer_key, island, sum(months) AS run
    FROM (SELECT taxpayer_key, months, sum(broken) OVER (PARTITION BY taxpayer_key ORDER BY at) AS island FROM breaks)
    GROUP BY taxpayer_key, island
),
found AS (
    SELECT taxpayer_key, sum(run) AS months, max(run) AS longest FROM runs GROUP BY taxpayer_key
),
declared AS (
    SELECT taxpayer_key, sum(months) AS months FROM filed GROUP BY taxpayer_key
)
SELECT
    d.taxpayer_key,
    CAST(d.months AS BIGINT) AS zero_vat_filed,
    CAST(coalesce(f.months, 0) AS BIGINT) AS zero_vat_months,
    CAST(coalesce(f.longest, 0) AS BIGINT) AS zero_vat_run
FROM declared AS d
LEFT JOIN found AS f ON f.taxpayer_key = d.taxpayer_key
