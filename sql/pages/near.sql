-- Registered taxpayers whose number is nearly $id or whose name contains it.
SELECT taxpayer_id, name
FROM taxpayer
WHERE valid_to IS NULL AND (contains(name, $id) OR levenshtein(taxpayer_id, $id) <= 3 OR (character_length($id) >= 4 AND contains(taxpayer_id, $id)))
ORDER BY levenshtein(taxpayer_id, $id), taxpayer_id
LIMIT 5
