-- The same over the twelve months together, and how many peers have less than the taxpayer.
WITH firm AS (
    SELECT r.taxpayer_key, $sales AS sales, sum(r.tax_total) AS tax, sum(coalesce(r.export_sales, 0)) AS exports
    FROM vat_return AS r
    WHERE r.form = $form AND r.period > period_add($as_of, -12) AND r.period <= $as_of
        AND (r.taxpayer_key = $key OR r.taxpayer_key IN (SELECT taxpayer_key FROM taxpayer WHERE valid_to IS NULL AND starts_with(coalesce(industry_code, ''), $prefix)))
    GROUP BY r.taxpayer_key
),
rate AS (
    SELECT taxpayer_key, sales, tax, exports <= 0.1 * sales AS counts, CAST(tax AS DOUBLE) / CAST(sales AS DOUBLE) AS burden
    FROM firm
    WHERE sales > 0
),
own AS (
    SELECT max(burden) AS burden, max(sales) AS sales, max(tax) AS tax, max(CASE WHEN counts THEN 0 ELSE 1 END) AS exporter FROM rate WHERE taxpayer_key = $key
)
SELECT
    max(o.sales) AS own_sales,
    max(o.tax) AS own_tax,
    max(o.burden) AS own,
    max(o.exporter) = 1 AS exporter,
    count(*) FILTER (WHERE counts AND r.burden IS NOT NULL) AS firms,
    percentile_cont(0.1) WITHIN GROUP (ORDER BY CASE WHEN counts THEN r.burden END) AS p10,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY CASE WHEN counts THEN r.burden END) AS median,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY CASE WHEN counts THEN r.burden END) AS p90,
    CAST(count(*) FILTER (WHERE counts AND r.burden < o.burden) AS DOUBLE) / nullif(count(*) FILTER (WHERE counts AND r.burden IS NOT NULL), 0) AS below
FROM rate AS r
CROSS JOIN own AS o
