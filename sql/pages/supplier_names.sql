-- What the invoices of the twelve months up to $as_of call some suppliers, $keys.
SELECT seller_key AS partner_key, max(seller_name) AS name
FROM invoice
WHERE buyer_key = $key AND seller_key IN ($keys) AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY seller_key
