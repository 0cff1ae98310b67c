-- Income tax returns of the three years up to $as_of, the newest first. Quarters run up over the year.
SELECT period, period_type, filed_on, revenue, cost, profit, taxable_income, tax_relief, tax_due,
    CAST(tax_due AS DOUBLE) / nullif(CAST(revenue AS DOUBLE), 0) AS burden, employees_avg
FROM cit_return
WHERE taxpayer_key = $key AND period > period_add($as_of, -36) AND period <= $as_of
ORDER BY period DESC, period_type
LIMIT 12
