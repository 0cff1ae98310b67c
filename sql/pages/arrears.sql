-- Tax due and not paid by the end of $as_of.
SELECT tax_code, period, due_on, amount, since
FROM arrears
WHERE taxpayer_key = $key AND due_on <= period_end($as_of)
ORDER BY due_on, tax_code
LIMIT 20
