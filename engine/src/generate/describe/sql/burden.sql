-- VAT of general taxpayers over their taxed sales, by industry; exporters, whose input tax is refunded, apart.
SELECT
  t.industry_code AS industry,
  count(DISTINCT r.taxpayer_key) AS firms,
  CAST(sum(r.sales) AS DOUBLE) AS sales,
  CAST(sum(r.tax) AS DOUBLE) AS tax
FROM (
  SELECT
    taxpayer_key,
    sum(coalesce(taxable_sales, 0) + coalesce(simple_sales, 0)) AS sales,
    sum(coalesce(tax_payable, 0) + coalesce(simple_tax, 0)) AS tax,
    sum(coalesce(export_sales, 0)) AS exports
  FROM vat_return
  WHERE form = 'general'
  GROUP BY taxpayer_key
) r
JOIN taxpayer t ON t.taxpayer_key = r.taxpayer_key AND t.valid_to IS NULL
WHERE r.sales > 0 AND r.exports = 0
GROUP BY t.industry_code
ORDER BY t.industry_code
