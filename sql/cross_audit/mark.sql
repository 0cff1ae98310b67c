-- mark: what decides about the claims of a month beside the claims and documents of that month. Grain: one row a month and such a fact.
-- Its rows go into the fingerprint of the month, so that a month is compared again when one of them changes.
SELECT s.period, concat_ws('|', 'at', s.invoice_id, d.period, d.status, d.seller_key, d.buyer_key, d.amount, d.tax, d.issued_on) AS fact
FROM audit.stray AS s
JOIN audit.elsewhere AS d ON d.invoice_id = s.invoice_id
UNION ALL
SELECT d.period, concat_ws('|', 'by', s.invoice_id, s.buyer_key, s.claimed_period) AS fact
FROM audit.stray AS s
JOIN audit.elsewhere AS d ON d.invoice_id = s.invoice_id
WHERE d.period <> s.period
UNION ALL
SELECT period, concat_ws('|', 'on', invoice_id, buyer_key, claimed_period, listed_on, in_force) AS fact
FROM audit.listed
ORDER BY period, fact
