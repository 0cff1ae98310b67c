-- What policies were worth as of $as_of, by $group_name. Grain: one row a policy, version, limb and group. Entitled: due it by every fact, given up
-- or not. Reached (享受面): those of them that claim. Forgone: what the entitled did not claim; wrongly claimed: what was claimed without title or too much.
SELECT
    f.policy,
    f.version,
    f.part,
    f.period,
    $group AS grp,
    count(*) FILTER (WHERE f.answer IN ('due_claimed', 'due_not_claimed', 'under_claimed', 'over_claimed', 'waived')) AS entitled,
    count(*) FILTER (WHERE f.answer IN ('due_claimed', 'under_claimed', 'over_claimed')) AS reached,
    CAST(count(*) FILTER (WHERE f.answer IN ('due_claimed', 'under_claimed', 'over_claimed')) AS DOUBLE)
        / nullif(count(*) FILTER (WHERE f.answer IN ('due_claimed', 'due_not_claimed', 'under_claimed', 'over_claimed', 'waived')), 0) AS reach,
    sum(CASE WHEN f.answer IN ('due_claimed', 'under_claimed') THEN f.claimed WHEN f.answer = 'over_claimed' THEN f.benefit END) AS worth,
    sum(f.amount) FILTER (WHERE f.answer IN ('due_not_claimed', 'under_claimed')) AS forgone,
    count(*) FILTER (WHERE f.answer IN ('claimed_not_due', 'over_claimed')) AS wrong,
    sum(f.amount) FILTER (WHERE f.answer IN ('claimed_not_due', 'over_claimed')) AS wrongly_claimed,
    count(*) FILTER (WHERE f.answer = 'near_line') AS near_line,
    count(*) FILTER (WHERE f.answer = 'to_be_confirmed') AS to_be_confirmed,
    count(*) FILTER (WHERE f.answer = 'cannot_tell') AS cannot_tell
FROM policy_finding AS f
LEFT JOIN taxpayer AS t ON t.taxpayer_key = f.taxpayer_key AND t.valid_to IS NULL
WHERE f.as_of = $as_of
GROUP BY f.policy, f.version, f.part, f.period, $group
ORDER BY f.policy, f.version, grp
