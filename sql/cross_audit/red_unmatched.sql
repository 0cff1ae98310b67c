-- red_unmatched (缺红字抵扣联): red invoices whose buyer shows no transfer-out. Grain: one row a buyer and month in which the tax of reds is to be
-- transferred out: that of the red, or of the claim where the document was claimed (or, by its invoice, deducted) only after its red.
-- Reds that do not name their original are not known here.
--   red_unmatched  the return of that month transfers out less than the tax of these reds; shortfall: how much less
--   match          it transfers out as much or more (a return does not say for what)
--   cannot_tell    no return of that month, or it does not show the column, or a red does not state its tax
WITH red AS (
    SELECT buyer_key, buyer_id, period, original_invoice_id, -tax AS tax
    FROM invoice
    WHERE amount < 0 AND status <> 'void' AND buyer_key IS NOT NULL AND original_invoice_id IS NOT NULL
),
original AS (
    SELECT invoice_id, buyer_key, deducted_period FROM invoice WHERE invoice_id IN (SELECT original_invoice_id FROM red)
),
claim AS (
    SELECT invoice_id, buyer_key, min(claimed_period) AS claimed_period
    FROM deduction_claim
    WHERE withdrawn_on IS NULL AND invoice_id IN (SELECT original_invoice_id FROM red)
    GROUP BY invoice_id, buyer_key
),
due AS (
    SELECT r.buyer_key, r.buyer_id, greatest(r.period, coalesce(c.claimed_period, o.deducted_period)) AS period, r.tax
    FROM red AS r
    LEFT JOIN original AS o ON o.invoice_id = r.original_invoice_id AND o.buyer_key = r.buyer_key
    LEFT JOIN claim AS c ON c.invoice_id = r.original_invoice_id AND c.buyer_key = r.buyer_key
    WHERE coalesce(c.claimed_period, o.deducted_period) IS NOT NULL
),
owed AS (
    SELECT buyer_key, max(buyer_id) AS buyer_id, period, count(*) AS reds, CASE WHEN count(tax) = count(*) THEN sum(tax) END AS red_tax
    FROM due
    GROUP BY buyer_key, period
)
SELECT
    o.buyer_key AS taxpayer_key,
    o.buyer_id AS taxpayer_id,
    o.period AS period,
    o.reds AS reds,
    o.red_tax AS red_tax,
    v.input_transfer_out AS transferred_out,
    CASE WHEN v.input_transfer_out IS NULL OR o.red_tax IS NULL THEN 'cannot_tell' WHEN v.input_transfer_out < o.red_tax THEN 'red_unmatched'
        ELSE 'match' END AS outcome,
    CASE WHEN v.input_transfer_out < o.red_tax THEN o.red_tax - v.input_transfer_out END AS shortfall
FROM owed AS o
LEFT JOIN vat_return AS v ON v.taxpayer_key = o.buyer_key AND v.period = o.period AND v.form = 'general'
ORDER BY o.buyer_key, o.period
