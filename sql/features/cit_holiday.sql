-- cit_holiday: the end of a tax holiday near the year of the last yearly return. Grain: one row a taxpayer of the register in force;
-- null everywhere when no qualification is loaded at all. A holiday is a certificate that lowers the rate of corporate income tax or
-- exempts from it; one that was prolonged ends with its last period. Near: ends from the start of the year before to twelve months on.
WITH ends AS (
    SELECT taxpayer_key, kind, max(valid_to) AS ends_on, max(CASE WHEN valid_to IS NULL THEN 1 ELSE 0 END) AS open
    FROM qualification
    WHERE kind IN (
        'high_tech', 'software', 'integrated_circuit', 'west_encouraged', 'hainan_encouraged', 'pingtan_encouraged', 'agriculture',
        'resource_reuse', 'public_rental'
    ) AND valid_from <= period_end($as_of)
    GROUP BY taxpayer_key, kind
),
near AS (
    SELECT taxpayer_key, min(ends_on) AS ends_on
    FROM ends
    WHERE open = 0 AND ends_on BETWEEN period_start(period_add($as_of, -23)) AND period_end(period_add($as_of, 12))
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT count(*) > 0 AS any_loaded FROM qualification
)
SELECT
    t.taxpayer_key,
    CASE WHEN any_loaded THEN CASE WHEN n.ends_on IS NULL THEN 0 ELSE 1 END END AS cit_holiday_near,
    n.ends_on AS cit_holiday_ends_on
FROM taxpayer AS t
CROSS JOIN loaded
LEFT JOIN near AS n ON n.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
