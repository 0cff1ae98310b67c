-- Reminders, assessments and audits opened by the end of $as_of, the newest first.
SELECT case_no, kind, opened_on, closed_on, conclusion, tax_recovered, late_fee, fine
FROM enforcement_case
WHERE taxpayer_key = $key AND opened_on <= period_end($as_of)
ORDER BY opened_on DESC, case_no
LIMIT 40
