-- levied: assessments of tax by agreement or by a fixed amount (核定、定期定额) in force at the end of $as_of. Grain: one row a taxpayer of the
-- register in force. A taxpayer without one has none; where no assessment at all is loaded nobody knows.
WITH current AS (
    SELECT taxpayer_key, count(*) AS n
    FROM tax_assessment
    WHERE from_on <= period_end($as_of) AND (to_on IS NULL OR to_on >= period_end($as_of))
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT count(*) > 0 AS any_row FROM tax_assessment
)
SELECT t.taxpayer_key, CASE WHEN d.any_row THEN coalesce(c.n, 0) END AS levied_n
FROM taxpayer AS t
CROSS JOIN loaded AS d
LEFT JOIN current AS c ON c.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
