-- request: the claims for which the seller's office must be asked as of $as_of and was not yet. Grain: one row a claim.
-- $asking: the outcomes that ask. A letter is about one seller and one buyer; its number is its place by tax. addressee: `customs` for
-- import VAT receipts (their numbers alone have 22 characters), `office` where the seller stands in the register, now or formerly, `outside` where
-- nobody here knows whose it is. A claim is asked about once for each outcome, as of whatever month.
WITH asked AS (
    SELECT DISTINCT buyer_id, invoice_id, claimed_period, outcome FROM assistance_item
),
register AS (
    SELECT taxpayer_key, name, office_code FROM (
        SELECT taxpayer_key, name, office_code, row_number() OVER (PARTITION BY taxpayer_key
            ORDER BY CASE WHEN valid_to IS NULL THEN 0 ELSE 1 END, valid_to DESC, valid_from DESC) AS place
        FROM taxpayer
    ) AS t
    WHERE place = 1
),
open AS (
    SELECT
        f.taxpayer_key AS buyer_key,
        f.seller_key,
        CASE WHEN f.document_kind = 'customs' OR (f.document_kind IS NULL AND char_length(f.invoice_id) = 22) THEN 'customs' WHEN s.taxpayer_key IS NOT NULL THEN 'office' ELSE 'outside' END AS addressee,
        s.office_code AS to_office,
        b.office_code AS from_office,
        f.seller_id,
        coalesce(s.name, CASE WHEN f.document_seller_id = f.seller_id THEN f.document_seller_name END) AS seller_name,
        f.buyer_id,
        b.name AS buyer_name,
        f.invoice_id,
        f.claimed_period,
        f.outcome,
        f.differs,
        f.issued_on,
        f.amount,
        f.tax,
        f.document_status,
        f.document_issued_on,
        f.document_seller_id,
        f.document_seller_name,
        f.document_buyer_id,
        f.document_amount,
        f.document_tax
    FROM claim_audit AS f
    LEFT JOIN register AS b ON b.taxpayer_key = f.taxpayer_key
    LEFT JOIN register AS s ON s.taxpayer_key = f.seller_key
    LEFT JOIN asked AS a ON a.buyer_id = f.buyer_id AND a.invoice_id = f.invoice_id AND a.claimed_period = f.claimed_period AND a.outcome = f.outcome
    WHERE f.claimed_period <= $as_of AND f.since <= $as_of AND f.outcome IN ($asking) AND a.invoice_id IS NULL
),
weighed AS (
    SELECT *, coalesce(sum(tax) OVER (PARTITION BY buyer_id, seller_id, addressee), 0) AS letter_tax FROM open
),
placed AS (
    SELECT *, dense_rank() OVER (ORDER BY letter_tax DESC, buyer_id, seller_id, addressee) AS letter FROM weighed
)
SELECT *, row_number() OVER (PARTITION BY letter ORDER BY claimed_period, invoice_id) AS item_no
FROM placed
ORDER BY letter, item_no
