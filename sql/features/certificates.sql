-- certificates: high-tech certificates on the last day of the year of the last yearly income tax return by $as_of.
-- Grain: one row a taxpayer with a yearly return. Null where the warehouse holds no certificate at all.
WITH latest AS (
    SELECT taxpayer_key, max(period) AS year_end FROM cit_return WHERE period_type = 'Y' AND period <= $as_of GROUP BY taxpayer_key
),
held AS (
    SELECT
        l.taxpayer_key,
        count(*) FILTER (WHERE q.valid_from <= period_end(l.year_end) AND (q.valid_to IS NULL OR q.valid_to >= period_end(l.year_end))) AS high_tech_n,
        max(q.valid_to) FILTER (WHERE q.valid_to < period_end(l.year_end)) AS high_tech_ended_on
    FROM latest AS l
    JOIN qualification AS q ON q.taxpayer_key = l.taxpayer_key AND q.kind = 'high_tech'
    GROUP BY l.taxpayer_key
)
SELECT
    l.taxpayer_key,
    CASE WHEN loaded THEN coalesce(h.high_tech_n, 0) END AS certificates_high_tech_year,
    h.high_tech_ended_on AS certificates_high_tech_ended_on
FROM latest AS l
CROSS JOIN (SELECT count(*) > 0 AS loaded FROM qualification) AS q
LEFT JOIN held AS h ON h.taxpayer_key = l.taxpayer_key
