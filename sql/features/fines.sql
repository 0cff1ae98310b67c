-- fines: tax penalties of the six months that end with $as_of. Grain: one row a taxpayer of the register in force. Who has none is at 0; where
-- no case of anybody is loaded, nobody knows.
WITH fined AS (
    SELECT taxpayer_key, max(fine) AS fine
    FROM enforcement_case
    WHERE closed_on BETWEEN period_start(period_add($as_of, -5)) AND period_end($as_of)
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT count(*) > 0 AS known FROM enforcement_case WHERE opened_on <= period_end($as_of)
)
SELECT t.taxpayer_key, CAST(CASE WHEN known THEN coalesce(f.fine, 0) END AS DECIMAL(28, 2)) AS fines_6_max
FROM taxpayer AS t
CROSS JOIN loaded
LEFT JOIN fined AS f ON f.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
