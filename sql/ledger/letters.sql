-- letters: requests to offices, with the documents they ask about. Grain: one row a document.
SELECT
    r.request_no,
    r.as_of,
    r.to_office,
    r.from_office,
    coalesce(p.taxpayer_key, 0) AS seller_key,
    r.seller_id,
    r.seller_name,
    r.message_zh,
    r.message_en,
    CAST(r.due_on AS INT) - CAST(r.issued_on AS INT) AS days,
    i.item_no,
    i.buyer_id,
    i.invoice_id,
    i.claimed_period,
    i.outcome,
    i.differs,
    i.issued_on,
    i.amount,
    i.tax,
    i.document_issued_on,
    i.document_seller_id,
    i.document_buyer_id,
    i.document_amount,
    i.document_tax
FROM assistance_request AS r
JOIN assistance_item AS i ON i.request_no = r.request_no
LEFT JOIN (SELECT taxpayer_id, max(taxpayer_key) AS taxpayer_key FROM taxpayer GROUP BY taxpayer_id) AS p ON p.taxpayer_id = r.seller_id
WHERE r.addressee = 'office'
ORDER BY r.request_no, i.item_no
