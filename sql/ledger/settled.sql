-- settled: findings that no longer hold, because of facts that came in late. Grain: one row a taxpayer, policy, limb and month asked again.
SELECT DISTINCT taxpayer_id, policy, part, as_of
FROM policy_change
WHERE found_as_of = $as_of
    AND taxpayer_id IS NOT NULL
    AND answer_before IN ('claimed_not_due', 'over_claimed', 'due_not_claimed', 'under_claimed', 'to_be_confirmed')
    AND answer NOT IN ('claimed_not_due', 'over_claimed', 'due_not_claimed', 'under_claimed', 'to_be_confirmed')
ORDER BY taxpayer_id, policy, part, as_of
