-- tasks_by_grade: whom the tasks of a scan over a synthetic economy are about.
-- Grain: one row a grade, `all` for every task, `none` for those hit without a task. `innocent` are labelled as innocent under some scheme or
-- look-alike and guilty of nothing; `others` carry no label. `recall`: the share of all guilty that the row holds.
WITH labels AS (
    SELECT taxpayer_id, bool_or(role <> 'innocent') AS guilty FROM truth GROUP BY taxpayer_id
),
planted AS (
    SELECT count(*) AS n FROM labels WHERE guilty
),
judged AS (
    SELECT coalesce(s.grade, 'none') AS grade, l.guilty
    FROM score AS s
    LEFT JOIN labels AS l ON l.taxpayer_id = s.taxpayer_id
    WHERE s.as_of = $as_of
),
counted AS (
    SELECT grade, guilty FROM judged
    UNION ALL
    SELECT 'all', guilty FROM judged WHERE grade <> 'none'
)
SELECT
    grade,
    count(*) AS taxpayers,
    count(*) FILTER (WHERE guilty) AS guilty,
    count(*) FILTER (WHERE NOT guilty) AS innocent,
    count(*) FILTER (WHERE guilty IS NULL) AS others,
    round(CAST(count(*) FILTER (WHERE guilty) AS DOUBLE) / count(*), 3) AS precision,
    round(CAST(count(*) FILTER (WHERE guilty) AS DOUBLE) / max(n), 3) AS recall
FROM counted CROSS JOIN planted
GROUP BY grade
ORDER BY CASE grade WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 WHEN 'all' THEN 4 ELSE 5 END
