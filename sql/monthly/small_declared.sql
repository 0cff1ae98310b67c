-- small_declared: all sales a small-scale taxpayer declares, exempt ones included. Grain: one row a taxpayer and period declared for
-- (mostly a quarter's last month). The exempt sales of the form hold those of small firms below the line in one feed and stand beside them
-- in another; where one is given the other is 0 or the sum, so the larger of both is right in either. Where more was reversed than sold the
-- exempt sales of small firms are below nothing, and count as such.
SELECT
    taxpayer_key,
    period,
    coalesce(small_sales_3pct, 0) + coalesce(small_sales_5pct, 0) + coalesce(export_sales, 0)
        + CASE WHEN coalesce(exempt_sales, 0) = 0 THEN coalesce(small_exempt_sales, 0)
            ELSE greatest(exempt_sales, coalesce(small_exempt_sales, 0)) END AS small_declared_sales
FROM vat_return
WHERE form = 'small'
