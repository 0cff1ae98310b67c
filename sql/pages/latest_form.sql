-- The form of the latest VAT return of the twelve months up to $as_of.
SELECT form, period
FROM vat_return
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
ORDER BY period DESC, form
LIMIT 1
