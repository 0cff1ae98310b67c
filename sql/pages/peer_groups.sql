-- How many firms like this one ($form) declared taxed sales in the twelve months up to $as_of, by how much of the industry code they share
-- with it ($industry): 5 the class, 4 the group, 3 the division, 1 the section, 0 all. Exporters (above a tenth of sales) are left out.
WITH firm AS (
    SELECT taxpayer_key, $sales AS sales, sum(coalesce(export_sales, 0)) AS exports
    FROM vat_return
    WHERE form = $form AND period > period_add($as_of, -12) AND period <= $as_of
    GROUP BY taxpayer_key
)
SELECT
    count(*) FILTER (WHERE left(t.industry_code, 5) = left($industry, 5)) AS n5,
    count(*) FILTER (WHERE left(t.industry_code, 4) = left($industry, 4)) AS n4,
    count(*) FILTER (WHERE left(t.industry_code, 3) = left($industry, 3)) AS n3,
    count(*) FILTER (WHERE left(t.industry_code, 1) = left($industry, 1)) AS n1,
    count(*) AS n0
FROM firm AS f
LEFT JOIN taxpayer AS t ON t.taxpayer_key = f.taxpayer_key AND t.valid_to IS NULL
WHERE f.sales > 0 AND f.exports <= 0.1 * f.sales
