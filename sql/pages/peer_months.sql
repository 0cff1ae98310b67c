-- Burden of the taxpayer and of its peers (industry codes that begin with $prefix) by month: tax over taxed sales.
WITH firm AS (
    SELECT r.taxpayer_key, r.period, $sales AS sales, sum(r.tax_total) AS tax, sum(coalesce(r.export_sales, 0)) AS exports
    FROM vat_return AS r
    WHERE r.form = $form AND r.period > period_add($as_of, -12) AND r.period <= $as_of
        AND (r.taxpayer_key = $key OR r.taxpayer_key IN (SELECT taxpayer_key FROM taxpayer WHERE valid_to IS NULL AND starts_with(coalesce(industry_code, ''), $prefix)))
    GROUP BY r.taxpayer_key, r.period
),
rate AS (
    SELECT taxpayer_key, period, exports <= 0.1 * sales AS counts, CAST(tax AS DOUBLE) / CAST(sales AS DOUBLE) AS burden
    FROM firm
    WHERE sales > 0
)
SELECT
    period,
    count(*) FILTER (WHERE counts AND burden IS NOT NULL) AS firms,
    percentile_cont(0.1) WITHIN GROUP (ORDER BY CASE WHEN counts THEN burden END) AS p10,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY CASE WHEN counts THEN burden END) AS median,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY CASE WHEN counts THEN burden END) AS p90,
    max(CASE WHEN taxpayer_key = $key THEN burden END) AS own
FROM rate
GROUP BY period
ORDER BY period
