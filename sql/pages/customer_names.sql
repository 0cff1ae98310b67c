-- What the invoices of the twelve months up to $as_of call some customers, $keys.
SELECT buyer_key AS partner_key, max(buyer_name) AS name
FROM invoice
WHERE seller_key = $key AND buyer_key IN ($keys) AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY buyer_key
