-- claims: what buyers claim for deduction. Grain: one row a buyer and month claimed.
SELECT
    buyer_key AS taxpayer_key,
    claimed_period AS period,
    count(*) AS claim_n,
    sum(tax) AS claim_tax,
    sum(amount) AS claim_amount,
    sum(tax) FILTER (WHERE withdrawn_on IS NOT NULL) AS claim_withdrawn_tax,
    count(*) FILTER (WHERE withdrawn_on IS NOT NULL) AS claim_withdrawn_n,
    sum(tax) FILTER (WHERE period_diff(claimed_period, period_of(issued_on)) >= 12) AS claim_old_tax
FROM deduction_claim
GROUP BY buyer_key, claimed_period
