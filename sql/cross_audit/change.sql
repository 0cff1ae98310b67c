-- change: findings that appeared, changed or went when their months were compared again. Null stands for match, or for no claim.
-- $known: the month was compared before, so that the claims of a month compared for the first time are no changes.
SELECT
    coalesce(n.period, b.period) AS period,
    coalesce(n.buyer_id, b.buyer_id) AS buyer_id,
    coalesce(n.invoice_id, b.invoice_id) AS invoice_id,
    coalesce(n.claimed_period, b.claimed_period) AS claimed_period,
    b.outcome AS outcome_before,
    n.outcome AS outcome_after
FROM audit.after AS n
FULL JOIN audit.before AS b ON b.buyer_id = n.buyer_id AND b.invoice_id = n.invoice_id AND b.claimed_period = n.claimed_period
WHERE (n.outcome IS DISTINCT FROM b.outcome) AND (b.outcome IS NOT NULL OR $known)
ORDER BY 1, 2, 3, 4
