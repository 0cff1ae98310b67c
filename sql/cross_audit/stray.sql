-- stray: claims in force of the months at hand whose document is not among those of the months they state.
SELECT c.period, c.invoice_id, c.buyer_key, c.claimed_period
FROM audit.claim AS c
LEFT JOIN (SELECT invoice_id, period FROM audit.document) AS d ON d.invoice_id = c.invoice_id AND d.period = c.period
WHERE c.withdrawn_on IS NULL AND d.invoice_id IS NULL
