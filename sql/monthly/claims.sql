-- claims: what buyers claim for deduction. Grain: one row a buyer and month claimed.
-- supported: what the cross-audit has nothing against by the end of the month claimed (match, or it cannot tell); pending, missing, voided,
-- lost, mismatched and double claims support nothing, and those withdrawn by then neither. customs_matched: the same of import VAT receipts;
-- null where the warehouse holds no claim of any such receipt, for then its feed has none.
WITH outcome AS (
    SELECT
        taxpayer_key,
        claimed_period,
        coalesce(sum(tax) FILTER (WHERE is_supported), 0) AS supported_tax,
        coalesce(sum(tax) FILTER (WHERE is_supported AND kind = 'customs'), 0) AS customs_tax
    FROM (
        SELECT *, outcome IN ('match', 'cannot_tell') OR (outcome IN ('duplicate', 'withdrawn') AND since > claimed_period) AS is_supported
        FROM claim_tally
    ) AS judged
    GROUP BY taxpayer_key, claimed_period
),
claim AS (
    SELECT
        buyer_key,
        claimed_period,
        count(*) AS claim_n,
        sum(tax) AS claim_tax,
        sum(amount) AS claim_amount,
        sum(tax) FILTER (WHERE withdrawn_on IS NOT NULL) AS claim_withdrawn_tax,
        count(*) FILTER (WHERE withdrawn_on IS NOT NULL) AS claim_withdrawn_n,
        sum(tax) FILTER (WHERE period_diff(claimed_period, period_of(issued_on)) >= 12) AS claim_old_tax
    FROM deduction_claim
    GROUP BY buyer_key, claimed_period
)
SELECT
    c.buyer_key AS taxpayer_key,
    c.claimed_period AS period,
    c.claim_n,
    c.claim_tax,
    c.claim_amount,
    c.claim_withdrawn_tax,
    c.claim_withdrawn_n,
    c.claim_old_tax,
    CAST(o.supported_tax AS DECIMAL(28, 2)) AS claim_supported_tax,
    CAST(CASE WHEN l.customs THEN o.customs_tax END AS DECIMAL(28, 2)) AS claim_customs_matched_tax
FROM claim AS c
CROSS JOIN (SELECT coalesce(bool_or(kind = 'customs'), false) AS customs FROM claim_tally) AS l
LEFT JOIN outcome AS o ON o.taxpayer_key = c.buyer_key AND o.claimed_period = c.claimed_period
