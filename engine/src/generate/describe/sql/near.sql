-- How much of what registered firms sell to each other stays in their city and their county.
SELECT
  CAST(sum(p.amount) AS DOUBLE) AS amount,
  CAST(sum(CASE WHEN left(s.region_code, 4) = left(b.region_code, 4) THEN p.amount END) AS DOUBLE) AS city,
  CAST(sum(CASE WHEN s.region_code = b.region_code THEN p.amount END) AS DOUBLE) AS county
FROM (
  SELECT seller_key, buyer_key, sum(amount) AS amount
  FROM invoice
  WHERE status <> 'void' AND buyer_key IS NOT NULL
  GROUP BY seller_key, buyer_key
) p
JOIN taxpayer s ON s.taxpayer_key = p.seller_key AND s.valid_to IS NULL
JOIN taxpayer b ON b.taxpayer_key = p.buyer_key AND b.valid_to IS NULL
