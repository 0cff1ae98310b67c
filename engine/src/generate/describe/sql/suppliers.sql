-- From how many different suppliers each buyer buys.
SELECT CAST(count(*) AS DOUBLE) AS size
FROM (SELECT buyer_key, seller_key FROM invoice WHERE status <> 'void' AND buyer_key IS NOT NULL GROUP BY buyer_key, seller_key)
GROUP BY buyer_key
