-- issued_kinds: what a taxpayer issued by kind of invoice. Grain: one row a seller and month of issue with an invoice in force.
-- In force: not void; blue and red together. special: special invoices of either form; other: all other kinds the seller issued itself
-- (purchase vouchers of farm produce are issued by the buyer and left out). Null where no invoice of the month states its kind.
SELECT
    seller_key AS taxpayer_key,
    period,
    sum(CASE WHEN kind IN ('special', 'e_special') THEN amount WHEN kind IS NOT NULL THEN 0 END) AS issued_kinds_special_amount,
    sum(CASE WHEN kind IN ('special', 'e_special') THEN tax WHEN kind IS NOT NULL THEN 0 END) AS issued_kinds_special_tax,
    sum(CASE WHEN kind IN ('special', 'e_special') THEN 0 WHEN kind IS NOT NULL THEN amount END) AS issued_kinds_other_amount,
    sum(CASE WHEN kind IN ('special', 'e_special') THEN 0 WHEN kind IS NOT NULL THEN tax END) AS issued_kinds_other_tax
FROM invoice
WHERE seller_key IS NOT NULL AND status <> 'void' AND (kind IS NULL OR kind NOT IN ('agri_purchase', 'customs'))
GROUP BY seller_key, period
