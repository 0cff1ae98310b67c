-- Reliefs claimed in the twelve months up to $as_of, a row a tax and code.
SELECT tax_code, relief_code, count(*) AS returns, min(period) AS first_period, max(period) AS last_period, sum(base) AS base, sum(relief) AS relief
FROM benefit_claim
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY tax_code, relief_code
ORDER BY relief DESC NULLS LAST, tax_code, relief_code
LIMIT 30
