-- small_lines: lines of the return of small-scale taxpayers beside those of vat_small. Grain: one row a taxpayer and period declared for.
-- other_exempt: 其他免税销售额 (not the exemption below the threshold). sales: all sales of the return, exempt ones included.
SELECT
    taxpayer_key,
    period,
    simple_tax AS small_lines_tax,
    exempt_sales AS small_lines_other_exempt,
    coalesce(small_exempt_sales, 0) + coalesce(exempt_sales, 0) + coalesce(export_sales, 0) + coalesce(small_sales_3pct, 0) + coalesce(small_sales_5pct, 0) AS small_lines_sales
FROM vat_return
WHERE form = 'small'
