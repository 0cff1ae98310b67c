-- high_tech_quarter: whether a high-tech certificate was in force on any day of the three months ending $as_of. Grain: one row a taxpayer of
-- the register in force; null everywhere when no qualification at all is loaded.
WITH held AS (
    SELECT DISTINCT taxpayer_key
    FROM qualification
    WHERE kind = 'high_tech' AND valid_from <= period_end($as_of) AND (valid_to IS NULL OR valid_to >= period_start(period_add($as_of, -2)))
),
loaded AS (
    SELECT count(*) > 0 AS known FROM qualification
)
SELECT t.taxpayer_key, CASE WHEN d.known THEN h.taxpayer_key IS NOT NULL END AS qualified_high_tech_quarter
FROM taxpayer AS t
CROSS JOIN loaded AS d
LEFT JOIN held AS h ON h.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
