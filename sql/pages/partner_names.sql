-- What the invoices of the twelve months up to $as_of call some partners, $keys.
SELECT $partner_key AS partner_key, max($partner_name) AS name
FROM invoice
WHERE $own_key = $key AND $partner_key IN ($keys) AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY $partner_key
