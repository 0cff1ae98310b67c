-- Bank accounts in the twelve months up to $as_of, all accounts.
SELECT
    period,
    count(DISTINCT account_hash) AS accounts,
    sum(inflow) AS inflow,
    sum(outflow) AS outflow,
    sum(private_inflow) AS private_inflow,
    sum(private_outflow) AS private_outflow,
    sum(round_trip) AS round_trip
FROM bank_flow
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY period
ORDER BY period
