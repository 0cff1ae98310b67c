-- Court decisions and penalties by the end of $as_of, the newest first.
SELECT decided_on, kind, case_no, amount
FROM court_case
WHERE taxpayer_key = $key AND decided_on <= period_end($as_of)
ORDER BY decided_on DESC, case_no
LIMIT 20
