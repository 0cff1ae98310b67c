-- produce_bought: farm produce bought on invoices other than purchase vouchers and the growers' own (those are in vouchers). Grain: one row a
-- buyer and month of issue with such lines of an invoice in force. small: special invoices of small-scale sellers at 3 percent, on which 9
-- percent is deducted; exempt: other invoices with the mark 免税, which count where the seller grew it or is a cooperative.
SELECT
    l.buyer_key AS taxpayer_key,
    l.period,
    coalesce(sum(l.amount) FILTER (WHERE l.rate = 0.03 AND i.kind IN ('special', 'e_special')), 0) AS produce_bought_small,
    coalesce(sum(l.amount) FILTER (WHERE l.preference = 'exempt' AND i.kind IN ('ordinary', 'e_ordinary')), 0) AS produce_bought_exempt
FROM invoice_line AS l
JOIN invoice AS i ON i.invoice_id = l.invoice_id
WHERE l.buyer_key IS NOT NULL AND l.goods_code LIKE '101%' AND (l.rate = 0.03 OR l.preference = 'exempt')
    AND i.status <> 'void' AND i.kind IN ('special', 'e_special', 'ordinary', 'e_ordinary')
GROUP BY l.buyer_key, l.period
