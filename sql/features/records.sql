-- records: qualifications of a policy's own kind. Grain: one row a taxpayer of the register in force.
--
-- record_west, record_hainan, record_pingtan: recorded as of an encouraged industry on the last day of $as_of; null where nobody holds such a
-- record, for then its feed is not loaded. record_high_tech_year: a high-tech certificate on any day of the year so far.
-- record_incubator: recognised before the month began and not ended before it (a new one begins with the month after). record_once_…: on the
-- list, or certified, at some time up to $as_of. These are null where no qualification at all is loaded.
WITH days AS (
    SELECT period_start($as_of) AS first_day, period_end($as_of) AS last_day, period_start($as_of / 100 * 100 + 1) AS new_year
),
held AS (
    SELECT
        taxpayer_key,
        kind,
        bool_or(valid_from <= last_day AND (valid_to IS NULL OR valid_to >= last_day)) AS is_now,
        bool_or(valid_from <= last_day AND (valid_to IS NULL OR valid_to >= new_year)) AS is_year,
        bool_or(valid_from < first_day AND (valid_to IS NULL OR valid_to >= first_day)) AS is_before,
        bool_or(valid_from <= last_day) AS is_once
    FROM qualification
    CROSS JOIN days
    GROUP BY taxpayer_key, kind
),
loaded AS (
    SELECT
        count(*) > 0 AS known,
        count(*) FILTER (WHERE kind = 'west_encouraged') > 0 AS west,
        count(*) FILTER (WHERE kind = 'hainan_encouraged') > 0 AS hainan,
        count(*) FILTER (WHERE kind = 'pingtan_encouraged') > 0 AS pingtan
    FROM qualification
)
SELECT
    t.taxpayer_key,
    CASE WHEN west THEN coalesce(bool_or(h.kind = 'west_encouraged' AND h.is_now), false) END AS record_west,
    CASE WHEN hainan THEN coalesce(bool_or(h.kind = 'hainan_encouraged' AND h.is_now), false) END AS record_hainan,
    CASE WHEN pingtan THEN coalesce(bool_or(h.kind = 'pingtan_encouraged' AND h.is_now), false) END AS record_pingtan,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'high_tech' AND h.is_year), false) END AS record_high_tech_year,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'incubator' AND h.is_before), false) END AS record_incubator,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'incubator' AND h.is_once), false) END AS record_once_incubator,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'tech_service' AND h.is_once), false) END AS record_once_tech_service,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'integrated_circuit' AND h.is_once), false) END AS record_once_integrated_circuit,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'machine_tool' AND h.is_once), false) END AS record_once_machine_tool
FROM taxpayer AS t
CROSS JOIN loaded
LEFT JOIN held AS h ON h.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
GROUP BY t.taxpayer_key, known, west, hainan, pingtan
