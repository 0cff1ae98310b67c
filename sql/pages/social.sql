-- Social insurance of the twelve months up to $as_of.
SELECT period, persons, base, paid, disabled_persons, veterans, key_group_persons
FROM social_insurance
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
ORDER BY period
