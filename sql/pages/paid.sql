-- Money that came in or went back for the twelve months up to $as_of, a row a tax and kind.
SELECT tax_code, kind, count(*) AS vouchers, sum(amount) AS amount, max(paid_on) AS last_paid_on
FROM tax_payment
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY tax_code, kind
ORDER BY amount DESC, tax_code, kind
LIMIT 20
