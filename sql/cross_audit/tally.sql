-- tally: how many claims came out how. Grain: one row a month stated, buyer, month claimed, outcome, month it holds from and kind of document.
-- kind: `special` (special and motor-vehicle invoices), `customs` (import VAT receipts), `other`; null where there is no document.
SELECT
    period,
    buyer_key AS taxpayer_key,
    claimed_period,
    outcome,
    since,
    CASE WHEN document_kind IN ('special', 'e_special', 'vehicle') THEN 'special' WHEN document_kind = 'customs' THEN 'customs'
        WHEN document_kind IS NOT NULL THEN 'other' END AS kind,
    count(*) AS n,
    sum(amount) AS amount,
    sum(tax) AS tax
FROM audit.judged
GROUP BY 1, 2, 3, 4, 5, 6
