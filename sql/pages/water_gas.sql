-- Water and gas of the twelve months up to $as_of, all meters.
SELECT
    period,
    sum(volume) FILTER (WHERE kind = 'water') AS water,
    sum(amount) FILTER (WHERE kind = 'water') AS water_amount,
    sum(volume) FILTER (WHERE kind = 'gas') AS gas,
    sum(amount) FILTER (WHERE kind = 'gas') AS gas_amount
FROM water_gas
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY period
ORDER BY period
