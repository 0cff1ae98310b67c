-- What a change of policies would do, by $group_name. Tables asked.before and asked.after hold what is due to whom. Grain: one row a policy and group. Entering
-- and leaving: who would cross the line; winners and losers: to whom more or less would be due. Revenue: what the authority would collect more
-- (negative: less) if everybody claimed what is due.
WITH due AS (
    SELECT policy, taxpayer_key, sum(before) AS before, sum(after) AS after
    FROM (
        SELECT policy, taxpayer_key, due AS before, CAST(0 AS DECIMAL(18, 2)) AS after FROM asked.before
        UNION ALL
        SELECT policy, taxpayer_key, CAST(0 AS DECIMAL(18, 2)) AS before, due AS after FROM asked.after
    ) AS both_sides
    GROUP BY policy, taxpayer_key
)
SELECT
    d.policy,
    n.name_zh,
    $group AS grp,
    count(*) FILTER (WHERE d.before > 0) AS entitled_before,
    count(*) FILTER (WHERE d.after > 0) AS entitled_after,
    count(*) FILTER (WHERE d.before <= 0 AND d.after > 0) AS entering,
    count(*) FILTER (WHERE d.before > 0 AND d.after <= 0) AS leaving,
    count(*) FILTER (WHERE d.after > d.before) AS winners,
    count(*) FILTER (WHERE d.after < d.before) AS losers,
    sum(d.before) AS due_before,
    sum(d.after) AS due_after,
    sum(d.before) - sum(d.after) AS revenue
FROM due AS d
LEFT JOIN taxpayer AS t ON t.taxpayer_key = d.taxpayer_key AND t.valid_to IS NULL
LEFT JOIN (SELECT policy, min(name_zh) AS name_zh FROM asked.names GROUP BY policy) AS n ON n.policy = d.policy
GROUP BY d.policy, n.name_zh, $group
HAVING count(*) FILTER (WHERE d.after <> d.before) > 0
ORDER BY d.policy, grp
