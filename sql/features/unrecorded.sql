-- unrecorded: VAT reliefs that need a filing record (refund on collection), claimed in the 12 months ending $as_of for periods in which
-- the taxpayer holds no such record. Grain: one row a taxpayer of the register in force.
--
-- Only codes whose record is a qualification known here are compared: self-made software (0001024103), employment of disabled persons
-- (0001012716), reuse of resources (0001064019). Reliefs that are kept on file by the taxpayer itself (留存备查) need no record and are
-- left out. Null where no relief or no qualification of anybody is loaded.
WITH needed AS (
    SELECT
        taxpayer_key,
        period,
        relief,
        CASE relief_code WHEN '0001024103' THEN 'software' WHEN '0001012716' THEN 'welfare' WHEN '0001064019' THEN 'resource_reuse' END AS kind
    FROM benefit_claim
    WHERE relief_code IN ('0001024103', '0001012716', '0001064019') AND relief > 0 AND period BETWEEN period_add($as_of, -11) AND $as_of
),
claims AS (
    SELECT taxpayer_key, period, kind, sum(relief) AS relief FROM needed GROUP BY taxpayer_key, period, kind
),
held AS (
    SELECT c.taxpayer_key, c.period, c.kind, max(c.relief) AS relief, bool_or(q.taxpayer_key IS NOT NULL) AS recorded
    FROM claims AS c
    LEFT JOIN qualification AS q
        ON q.taxpayer_key = c.taxpayer_key AND q.kind = c.kind
        AND q.valid_from <= period_end(c.period) AND (q.valid_to IS NULL OR q.valid_to >= period_start(c.period))
    GROUP BY c.taxpayer_key, c.period, c.kind
),
found AS (
    SELECT
        taxpayer_key,
        count(*) AS claimed,
        count(*) FILTER (WHERE NOT recorded) AS missing,
        sum(relief) FILTER (WHERE NOT recorded) AS relief
    FROM held
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT (SELECT count(*) FROM benefit_claim) > 0 AND (SELECT count(*) FROM qualification) > 0 AS known
)
SELECT
    t.taxpayer_key,
    CASE WHEN known THEN coalesce(f.claimed, 0) END AS unrecorded_claims,
    CASE WHEN known THEN coalesce(f.missing, 0) END AS unrecorded_n,
    CAST(CASE WHEN known THEN coalesce(f.relief, 0) END AS DECIMAL(28, 2)) AS unrecorded_relief
FROM taxpayer AS t
CROSS JOIN loaded
LEFT JOIN found AS f ON f.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
