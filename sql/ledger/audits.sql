-- audits: taxpayers under an open audit, who get no other visit. Grain: one row a taxpayer.
SELECT taxpayer_id, min(case_no) AS case_no
FROM enforcement_case
WHERE kind = 'audit' AND closed_on IS NULL AND opened_on <= DATE '$today'
GROUP BY taxpayer_id
