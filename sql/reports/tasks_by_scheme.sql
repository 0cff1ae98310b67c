-- tasks_by_scheme: what a scan found of the schemes of a synthetic economy.
-- Grain: one row a scheme. `guilty` are its organisers and users; `innocent` those labelled as innocent under its name who are guilty of
-- nothing else. Look-alikes have innocents only. `precision`: of those labelled under the scheme's name who have a task, the share of the guilty;
-- `precision_high` of those whose task is high. Null where nobody has one.
WITH guilty AS (
    SELECT DISTINCT taxpayer_id FROM truth WHERE role <> 'innocent'
),
judged AS (
    SELECT t.scheme, t.role <> 'innocent' AS is_guilty, t.role = 'innocent' AND g.taxpayer_id IS NULL AS is_innocent, s.grade
    FROM truth AS t
    LEFT JOIN score AS s ON s.taxpayer_id = t.taxpayer_id AND s.as_of = $as_of
    LEFT JOIN guilty AS g ON g.taxpayer_id = t.taxpayer_id
)
SELECT
    scheme,
    count(*) FILTER (WHERE is_guilty) AS guilty,
    count(*) FILTER (WHERE is_guilty AND grade IS NOT NULL) AS with_task,
    round(CAST(count(*) FILTER (WHERE is_guilty AND grade IS NOT NULL) AS DOUBLE) / nullif(count(*) FILTER (WHERE is_guilty), 0), 3) AS recall,
    count(*) FILTER (WHERE is_guilty AND grade = 'high') AS high,
    count(*) FILTER (WHERE is_guilty AND grade = 'medium') AS medium,
    count(*) FILTER (WHERE is_guilty AND grade = 'low') AS low,
    count(*) FILTER (WHERE is_innocent) AS innocent,
    count(*) FILTER (WHERE is_innocent AND grade IS NOT NULL) AS innocent_task,
    count(*) FILTER (WHERE is_innocent AND grade = 'high') AS innocent_high,
    round(CAST(count(*) FILTER (WHERE is_guilty AND grade IS NOT NULL) AS DOUBLE)
        / nullif(count(*) FILTER (WHERE (is_guilty OR is_innocent) AND grade IS NOT NULL), 0), 3) AS precision,
    round(CAST(count(*) FILTER (WHERE is_guilty AND grade = 'high') AS DOUBLE)
        / nullif(count(*) FILTER (WHERE (is_guilty OR is_innocent) AND grade = 'high'), 0), 3) AS precision_high
FROM judged
GROUP BY scheme
ORDER BY scheme
