-- Shareholders at the end of $as_of, the largest first. A natural person is a key.
SELECT s.holder_kind, s.holder_id, coalesce(s.holder_name, t.name) AS holder_name, s.holder_person_key, s.share, s.valid_from
FROM shareholder AS s
LEFT JOIN taxpayer AS t ON t.taxpayer_key = s.holder_key AND t.valid_to IS NULL
WHERE s.taxpayer_key = $key AND (s.valid_from IS NULL OR s.valid_from <= period_end($as_of)) AND (s.valid_to IS NULL OR s.valid_to > period_end($as_of))
ORDER BY s.share DESC NULLS LAST, s.holder_id, s.holder_person_key
LIMIT 30
