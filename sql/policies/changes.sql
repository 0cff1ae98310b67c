-- changes: what policies answer otherwise when a month is asked again (asked.now) than what was kept of it. Grain: one row a taxpayer, policy,
-- limb and period. No answer kept means «not due».
SELECT
    $found AS found_as_of,
    $as_of AS as_of,
    coalesce(now.period, was.period) AS period,
    coalesce(now.period_type, was.period_type) AS period_type,
    coalesce(now.policy, was.policy) AS policy,
    coalesce(now.part, was.part) AS part,
    coalesce(now.tax, was.tax) AS tax,
    coalesce(now.taxpayer_key, was.taxpayer_key) AS taxpayer_key,
    coalesce(now.taxpayer_id, was.taxpayer_id) AS taxpayer_id,
    was.version AS version_before,
    coalesce(was.answer, 'not_due') AS answer_before,
    was.amount AS amount_before,
    now.version,
    coalesce(now.answer, 'not_due') AS answer,
    now.amount
FROM (SELECT * FROM policy_finding WHERE as_of = $as_of) AS was
FULL JOIN asked.now AS now
    ON now.taxpayer_key = was.taxpayer_key
    AND now.policy = was.policy
    AND coalesce(now.part, '') = coalesce(was.part, '')
    AND now.period = was.period
WHERE (now.answer IS DISTINCT FROM was.answer)
    OR (now.claimed IS DISTINCT FROM was.claimed)
    OR (now.benefit IS DISTINCT FROM was.benefit)
    OR (now.amount IS DISTINCT FROM was.amount)
ORDER BY taxpayer_key, policy, part, period
