-- Scores of the scans up to $as_of, the newest first.
SELECT as_of, score, grade, hits, amount, standing_zh
FROM score
WHERE taxpayer_key = $key AND as_of <= $as_of
ORDER BY as_of DESC
LIMIT 24
