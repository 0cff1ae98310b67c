-- given_up: preferences of small-scale taxpayers declared given up, on the last day of $as_of. Grain: one row a taxpayer with a declaration in
-- force. From 2026 who is small-scale may take up again what it gave up (增值税法第二十七条), so that a claim beside the declaration is no offence.
SELECT
    taxpayer_key,
    coalesce(bool_or(policy_code = 'B05'), false) AS given_up_b05,
    coalesce(bool_or(policy_code = 'B09'), false) AS given_up_b09
FROM waiver
WHERE from_on <= period_end($as_of) AND (to_on IS NULL OR to_on >= period_end($as_of))
GROUP BY taxpayer_key
