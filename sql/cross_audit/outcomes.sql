-- outcomes: claims by outcome as of $as_of. Before the month it holds from, missing is pending, and what is made twice or withdrawn a match.
SELECT
    CASE WHEN since <= $as_of THEN outcome WHEN outcome = 'missing' THEN 'missing_pending' ELSE 'match' END AS outcome,
    sum(n) AS claims,
    sum(amount) AS amount,
    sum(tax) AS tax
FROM claim_tally
WHERE claimed_period <= $as_of
GROUP BY 1
