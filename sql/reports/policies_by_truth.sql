-- Answers as of $as_of held against the reliefs a generated economy has wrongly claimed or forgotten. Grain: one row a policy and kind. Found: the
-- planted ones with the right answer; exact: with the right amount to the cent; told: all such answers of the policy; cannot_tell: planted ones it
-- could not tell. Only policies and periods that were asked, and of a policy with a limb a tax only the taxes it plants. Of income tax the settlement
-- of a year takes the place of its last prepayment. Policies that tell something where nothing is planted stand in the list with none planted.
WITH asked AS (
    SELECT DISTINCT policy, period FROM policy_count WHERE as_of = $as_of
),
settled AS (
    SELECT DISTINCT t.taxpayer_id, r.period
    FROM cit_return AS r
    JOIN taxpayer AS t ON t.taxpayer_key = r.taxpayer_key
    WHERE r.period_type = 'Y'
),
planted AS (
    SELECT r.taxpayer_id, r.policy_code AS policy, r.period, r.scheme, sum(r.relief) AS relief
    FROM truth_relief AS r
    JOIN asked AS a ON a.policy = r.policy_code AND a.period = r.period
    LEFT JOIN settled AS s ON s.taxpayer_id = r.taxpayer_id AND s.period = r.period
    WHERE r.period_type <> 'Q' OR s.taxpayer_id IS NULL
    GROUP BY r.taxpayer_id, r.policy_code, r.period, r.scheme
),
told AS (
    SELECT f.taxpayer_id, f.policy, f.period, sum(f.amount) AS amount,
        CASE WHEN f.answer IN ('claimed_not_due', 'over_claimed') THEN 'wrong_claim' WHEN f.answer IN ('due_not_claimed', 'under_claimed') THEN 'forgotten_claim'
            ELSE f.answer END AS scheme
    FROM policy_finding AS f
    LEFT JOIN (SELECT DISTINCT policy_code, tax_code FROM truth_relief) AS taxes
        ON taxes.policy_code = f.policy AND taxes.tax_code = replace(f.part, '_micro', '')
    WHERE f.as_of = $as_of AND (f.tax NOT IN ('local', 'education') OR taxes.tax_code IS NOT NULL)
        AND f.answer IN ('claimed_not_due', 'over_claimed', 'due_not_claimed', 'under_claimed', 'cannot_tell', 'to_be_confirmed')
    GROUP BY f.taxpayer_id, f.policy, f.period,
        CASE WHEN f.answer IN ('claimed_not_due', 'over_claimed') THEN 'wrong_claim' WHEN f.answer IN ('due_not_claimed', 'under_claimed') THEN 'forgotten_claim'
            ELSE f.answer END
),
held AS (
    SELECT p.policy, p.scheme, count(*) AS planted,
        count(t.taxpayer_id) AS found,
        count(*) FILTER (WHERE t.amount = p.relief) AS exact,
        count(u.taxpayer_id) AS cannot_tell
    FROM planted AS p
    LEFT JOIN told AS t ON t.taxpayer_id = p.taxpayer_id AND t.policy = p.policy AND t.period = p.period AND t.scheme = p.scheme
    LEFT JOIN (SELECT DISTINCT taxpayer_id, policy, period FROM told WHERE scheme IN ('cannot_tell', 'to_be_confirmed')) AS u
        ON u.taxpayer_id = p.taxpayer_id AND u.policy = p.policy AND u.period = p.period AND t.taxpayer_id IS NULL
    GROUP BY p.policy, p.scheme
),
all_told AS (
    SELECT policy, scheme, count(*) AS told FROM told WHERE scheme IN ('wrong_claim', 'forgotten_claim') GROUP BY policy, scheme
)
SELECT coalesce(h.policy, a.policy) AS policy, coalesce(h.scheme, a.scheme) AS scheme, coalesce(h.planted, 0) AS planted, coalesce(h.found, 0) AS found,
    coalesce(h.exact, 0) AS exact, coalesce(h.cannot_tell, 0) AS cannot_tell, coalesce(a.told, 0) AS told,
    CAST(h.found AS DOUBLE) / nullif(h.planted - h.cannot_tell, 0) AS recall,
    CAST(coalesce(h.found, 0) AS DOUBLE) / nullif(a.told, 0) AS precision
FROM held AS h
FULL JOIN all_told AS a ON a.policy = h.policy AND a.scheme = h.scheme
ORDER BY policy, scheme
