-- Electricity of the twelve months up to $as_of, all meters.
SELECT period, count(DISTINCT meter_no) AS meters, sum(kwh) AS kwh, sum(amount) AS amount
FROM electricity
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY period
ORDER BY period
