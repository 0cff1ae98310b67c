-- Reliefs claimed in the twelve months up to $as_of, a row a tax and code. Returns of corporate income tax cumulate from January: their last
-- one says it all, and its months begin with that January.
WITH claims AS (
    SELECT *, max(period) OVER (PARTITION BY tax_code, relief_code) AS last_period
    FROM benefit_claim
    WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
)
SELECT
    tax_code,
    relief_code,
    count(*) AS returns,
    CASE WHEN tax_code = 'cit' THEN max(period) / 100 * 100 + 1 ELSE min(period) END AS first_period,
    max(period) AS last_period,
    sum(base) AS base,
    sum(relief) AS relief
FROM claims
WHERE tax_code <> 'cit' OR period = last_period
GROUP BY tax_code, relief_code
ORDER BY relief DESC NULLS LAST, tax_code, relief_code
LIMIT 30
