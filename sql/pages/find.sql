-- The integer key of a taxpayer by its number, $id, and whether it is registered: a number may stand on invoices only.
SELECT p.party_key AS taxpayer_key, p.party_id AS taxpayer_id, t.taxpayer_key IS NOT NULL AS registered
FROM party AS p
LEFT JOIN taxpayer AS t ON t.taxpayer_key = p.party_key
WHERE p.party_id = $id
ORDER BY registered DESC
LIMIT 1
