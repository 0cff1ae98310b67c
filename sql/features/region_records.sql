-- region_records: registered qualifications behind regional reliefs of income tax (encouraged industries of the west, Hainan, Pingtan) in the year
-- of the last yearly return by $as_of. Grain: one row a taxpayer with a yearly return. Null where no such qualification of anybody is loaded.
WITH latest AS (
    SELECT taxpayer_key, max(period) AS year_end FROM cit_return WHERE period_type = 'Y' AND period <= $as_of GROUP BY taxpayer_key
),
record AS (
    SELECT taxpayer_key, valid_from, valid_to FROM qualification WHERE kind IN ('west_encouraged', 'hainan_encouraged', 'pingtan_encouraged')
),
held AS (
    SELECT l.taxpayer_key, count(*) AS n
    FROM latest AS l
    JOIN record AS r ON r.taxpayer_key = l.taxpayer_key AND r.valid_from <= period_end(l.year_end)
        AND (r.valid_to IS NULL OR r.valid_to >= period_start(period_add(l.year_end, -11)))
    GROUP BY l.taxpayer_key
)
SELECT
    l.taxpayer_key,
    CASE WHEN loaded THEN coalesce(h.n, 0) END AS region_records_year
FROM latest AS l
CROSS JOIN (SELECT count(*) > 0 AS loaded FROM record) AS r
LEFT JOIN held AS h ON h.taxpayer_key = l.taxpayer_key
