-- VAT returns of the twelve months up to $as_of. A small-scale taxpayer has no output or input: its sales are those at 3 and 5 percent and the exempt ones.
SELECT
    period,
    form,
    filed_on,
    CASE WHEN form = 'small' THEN coalesce(small_sales_3pct, 0) + coalesce(small_sales_5pct, 0) + coalesce(small_exempt_sales, 0)
        ELSE coalesce(taxable_sales, 0) + coalesce(simple_sales, 0) + coalesce(export_sales, 0) + coalesce(exempt_sales, 0) END AS sales,
    output_tax,
    input_tax,
    input_transfer_out,
    closing_credit,
    tax_reduction,
    tax_total,
    CAST(tax_total AS DOUBLE) / nullif(CAST(CASE WHEN form = 'small' THEN coalesce(small_sales_3pct, 0) + coalesce(small_sales_5pct, 0) + coalesce(small_exempt_sales, 0)
        ELSE coalesce(taxable_sales, 0) + coalesce(simple_sales, 0) END AS DOUBLE), 0) AS burden
FROM vat_return
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
ORDER BY period, form
