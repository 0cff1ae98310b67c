-- How many different customers each seller has; consumers have no id and do not count.
SELECT CAST(count(*) AS DOUBLE) AS size
FROM (SELECT seller_key, buyer_key FROM invoice WHERE status <> 'void' AND buyer_key IS NOT NULL GROUP BY seller_key, buyer_key)
GROUP BY seller_key
