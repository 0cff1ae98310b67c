-- findings: what policies answered as of $as_of, and of months asked again since for facts that came in late, that somebody is to act upon, or to
-- look at on occasion. Grain: one row a taxpayer, policy, limb and period.
-- Small amounts stay where they are; what is claimed and only documents can confirm is always there.
WITH late AS (
    SELECT policy, part, period, taxpayer_key, max(as_of) AS as_of
    FROM policy_change
    WHERE found_as_of = $as_of
    GROUP BY policy, part, period, taxpayer_key
)
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
    t.credit_rating,
    f.as_of
FROM policy_finding AS f
JOIN taxpayer AS t ON t.taxpayer_key = f.taxpayer_key AND t.valid_to IS NULL
LEFT JOIN late
    ON late.as_of = f.as_of
    AND late.policy = f.policy
    AND coalesce(late.part, '') = coalesce(f.part, '')
    AND late.period = f.period
    AND late.taxpayer_key = f.taxpayer_key
WHERE (f.as_of = $as_of OR late.as_of IS NOT NULL)
    AND f.taxpayer_id IS NOT NULL
    AND (
        (f.answer IN ('claimed_not_due', 'over_claimed') AND coalesce(f.amount, f.claimed) >= $verify_from)
        OR (f.answer IN ('due_not_claimed', 'under_claimed') AND f.amount >= $remind_from)
        OR (f.answer = 'to_be_confirmed' AND f.claimed > 0)
    )
ORDER BY f.taxpayer_key, f.policy, f.version, f.period DESC, f.as_of DESC
