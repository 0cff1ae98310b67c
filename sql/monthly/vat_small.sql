-- vat_small: VAT returns of small-scale taxpayers. Grain: one row a taxpayer and period declared for (mostly a quarter's last month).
SELECT
    taxpayer_key,
    period,
    CAST(1 AS BIGINT) AS small_filed,
    small_exempt_sales AS small_exempt_sales,
    small_sales_3pct AS small_sales_3,
    small_sales_5pct AS small_sales_5,
    invoiced_special_sales AS small_special_sales,
    invoiced_ordinary_sales AS small_ordinary_sales,
    uninvoiced_sales AS small_uninvoiced_sales,
    tax_reduction AS small_reduction,
    tax_total AS small_tax_total
FROM vat_return
WHERE form = 'small'
