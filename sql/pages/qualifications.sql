-- Qualifications, those in force at the end of $as_of first.
SELECT kind, certificate_no, valid_from, valid_to, valid_from <= period_end($as_of) AND (valid_to IS NULL OR valid_to >= period_end($as_of)) AS in_force
FROM qualification
WHERE taxpayer_key = $key
ORDER BY in_force DESC, valid_from DESC
LIMIT 30
