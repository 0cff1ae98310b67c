-- tasks_by_grade: whom the tasks of a scan over a synthetic economy are about.
-- Grain: one row a grade, `none` for those hit without a task. `innocent` are labelled as innocent under some scheme or look-alike and
-- guilty of nothing; `others` carry no label.
WITH labels AS (
    SELECT taxpayer_id, bool_or(role <> 'innocent') AS guilty FROM truth GROUP BY taxpayer_id
)
SELECT
    coalesce(s.grade, 'none') AS grade,
    count(*) AS taxpayers,
    count(*) FILTER (WHERE l.guilty) AS guilty,
    count(*) FILTER (WHERE NOT l.guilty) AS innocent,
    count(*) FILTER (WHERE l.guilty IS NULL) AS others,
    round(CAST(count(*) FILTER (WHERE l.guilty) AS DOUBLE) / count(*), 3) AS precision
FROM score AS s
LEFT JOIN labels AS l ON l.taxpayer_id = s.taxpayer_id
WHERE s.as_of = $as_of
GROUP BY coalesce(s.grade, 'none')
ORDER BY CASE coalesce(s.grade, 'none') WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END
