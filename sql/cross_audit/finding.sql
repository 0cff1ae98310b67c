-- finding: the claims that do not match, with both sides. Grain: one row a claim.
SELECT period, buyer_key AS taxpayer_key, * EXCEPT (period, buyer_key)
FROM audit.judged
WHERE outcome <> 'match'
