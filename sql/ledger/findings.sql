-- findings: what policies answered as of $as_of that somebody is to act upon, or to look at on occasion. Grain: one row a taxpayer, policy and limb.
-- Small amounts stay where they are; what is claimed and only documents can confirm is always there.
SELECT
    f.policy,
    f.version,
    f.period,
    f.taxpayer_key,
    f.taxpayer_id,
    f.answer,
    f.claimed,
    f.benefit,
    f.amount,
    f.failed,
    f.facts,
    t.name,
    t.office_code,
    t.industry_code,
    t.status,
    t.credit_rating
FROM policy_finding AS f
JOIN taxpayer AS t ON t.taxpayer_key = f.taxpayer_key AND t.valid_to IS NULL
WHERE f.as_of = $as_of
    AND f.taxpayer_id IS NOT NULL
    AND (
        (f.answer IN ('claimed_not_due', 'over_claimed') AND coalesce(f.amount, f.claimed) >= $verify_from)
        OR (f.answer IN ('due_not_claimed', 'under_claimed') AND f.amount >= $remind_from)
        OR (f.answer = 'to_be_confirmed' AND f.claimed > 0)
    )
ORDER BY f.taxpayer_key, f.policy, f.version
