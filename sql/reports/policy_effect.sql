-- What policies were worth, by $group_name. Grain: one row a policy, version, limb, period and group; of a period asked several times the last
-- answer counts. Entitled: due it by every fact, given up or not. Reached (享受面): those of them that claim. Forgone: what the entitled did not
-- claim; wrongly claimed: what was claimed without title or too much.
WITH last AS (
    SELECT policy, period, max(as_of) AS as_of FROM policy_count WHERE $months GROUP BY policy, period
)
SELECT
    f.policy,
    n.name_zh,
    f.version,
    n.part_zh,
    f.period,
    $group AS grp,
    count(*) FILTER (WHERE f.answer IN ('due_claimed', 'due_not_claimed', 'under_claimed', 'over_claimed', 'waived')) AS entitled,
    count(*) FILTER (WHERE f.answer IN ('due_claimed', 'under_claimed', 'over_claimed')) AS reached,
    round(CAST(count(*) FILTER (WHERE f.answer IN ('due_claimed', 'under_claimed', 'over_claimed')) AS DOUBLE)
        / nullif(count(*) FILTER (WHERE f.answer IN ('due_claimed', 'due_not_claimed', 'under_claimed', 'over_claimed', 'waived')), 0), 4) AS reach,
    coalesce(sum(CASE WHEN f.answer IN ('due_claimed', 'under_claimed') THEN f.claimed WHEN f.answer = 'over_claimed' THEN f.benefit END), 0) AS worth,
    coalesce(sum(f.amount) FILTER (WHERE f.answer IN ('due_not_claimed', 'under_claimed')), 0) AS forgone,
    count(*) FILTER (WHERE f.answer IN ('claimed_not_due', 'over_claimed')) AS wrong,
    coalesce(sum(f.amount) FILTER (WHERE f.answer IN ('claimed_not_due', 'over_claimed')), 0) AS wrongly_claimed,
    count(*) FILTER (WHERE f.answer = 'near_line') AS near_line,
    count(*) FILTER (WHERE f.answer = 'to_be_confirmed') AS to_be_confirmed,
    count(*) FILTER (WHERE f.answer = 'cannot_tell') AS cannot_tell
FROM policy_finding AS f
JOIN last ON last.policy = f.policy AND last.period = f.period AND last.as_of = f.as_of
LEFT JOIN taxpayer AS t ON t.taxpayer_key = f.taxpayer_key AND t.valid_to IS NULL
LEFT JOIN asked.names AS n ON n.policy = f.policy AND n.version = f.version
GROUP BY f.policy, n.name_zh, f.version, n.part_zh, f.period, $group
ORDER BY f.policy, f.version, f.period, grp
