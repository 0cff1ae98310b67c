-- vouchers: documents received that are deducted other than as special invoices. Grain: one row a buyer and month of issue with a document in force.
-- agri: purchase vouchers and the producers' own invoices; transport: passenger tickets and tolls; customs: import VAT receipts.
SELECT
    buyer_key AS taxpayer_key,
    period,
    coalesce(sum(amount) FILTER (WHERE kind IN ('agri_purchase', 'agri_own')), 0) AS vouchers_agri_amount,
    count(*) FILTER (WHERE kind IN ('agri_purchase', 'agri_own')) AS vouchers_agri_n,
    coalesce(sum(tax) FILTER (WHERE kind = 'customs'), 0) AS vouchers_customs_tax,
    count(*) FILTER (WHERE kind = 'customs') AS vouchers_customs_n,
    coalesce(sum(total) FILTER (WHERE kind IN ('passenger', 'toll')), 0) AS vouchers_transport_total
FROM invoice
WHERE buyer_key IS NOT NULL AND status <> 'void'
GROUP BY buyer_key, period
