-- unclaimed: special invoices received 12 to 24 months before $as_of that nobody has claimed by then. Grain: one row a buyer with such
-- invoices. Claimed: a row of deduction_claim that was not withdrawn, or a month of deduction on the invoice. Only invoices in
-- force and not reversed, with tax. Null where the warehouse holds neither claims nor months of deduction.
WITH received AS (
    SELECT buyer_key, invoice_id, amount, tax, deducted_period
    FROM invoice
    WHERE period > period_add($as_of, -24) AND period <= period_add($as_of, -12) AND buyer_key IS NOT NULL
        AND kind IN ('special', 'e_special', 'vehicle') AND status IN ('valid', 'part_reversed') AND amount > 0 AND tax > 0
),
claimed AS (
    SELECT DISTINCT buyer_key, invoice_id FROM deduction_claim
    WHERE claimed_period <= $as_of AND withdrawn_on IS NULL AND claimed_period > period_add($as_of, -25)
)
SELECT
    r.buyer_key AS taxpayer_key,
    CAST(CASE WHEN loaded THEN sum(r.amount) END AS DECIMAL(28, 2)) AS unclaimed_received,
    CAST(CASE WHEN loaded THEN coalesce(sum(r.amount) FILTER (WHERE c.invoice_id IS NULL AND r.deducted_period IS NULL), 0) END AS DECIMAL(28, 2)) AS unclaimed_amount,
    CAST(CASE WHEN loaded THEN coalesce(sum(r.tax) FILTER (WHERE c.invoice_id IS NULL AND r.deducted_period IS NULL), 0) END AS DECIMAL(28, 2)) AS unclaimed_tax,
    count(*) FILTER (WHERE c.invoice_id IS NULL AND r.deducted_period IS NULL) AS unclaimed_n
FROM received AS r
CROSS JOIN (SELECT count(*) > 0 AS loaded FROM deduction_claim) AS l
LEFT JOIN claimed AS c ON c.buyer_key = r.buyer_key AND c.invoice_id = r.invoice_id
GROUP BY r.buyer_key, loaded
