-- Other taxes of the twelve months up to $as_of, a row a tax.
SELECT tax_code, count(*) AS returns, sum(base) AS base, sum(tax) AS tax, sum(relief) AS relief, sum(tax_due) AS tax_due, max(period) AS last_period
FROM other_tax_return
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY tax_code
ORDER BY tax_due DESC NULLS LAST, tax_code
