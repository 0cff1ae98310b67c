-- red_notices: tax to be transferred out for red invoices. Grain: one row a buyer and month of the red.
-- Only reds whose original the same buyer had deducted by then, within 36 months; reds that do not name their original are not known here.
SELECT
    r.buyer_key AS taxpayer_key,
    r.period,
    count(*) AS red_notices_n,
    sum(-r.tax) AS red_notices_tax
FROM invoice AS r
JOIN invoice AS o ON o.invoice_id = r.original_invoice_id AND o.buyer_key = r.buyer_key
WHERE r.amount < 0 AND r.status <> 'void' AND r.buyer_key IS NOT NULL AND o.deducted_period <= r.period
GROUP BY r.buyer_key, r.period
