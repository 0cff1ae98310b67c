-- agents: how the clients of a taxpayer's tax agent (办税员) have fared, against all clients of agents. Grain: one row a taxpayer
-- whose agent serves at least 20 taxpayers: so many is bookkeeping for others.
-- Bad: declared non-normal, on a risk list by $as_of, or a case with a finding in 36 months. z: (share − share of all) over its
-- standard error. The taxpayer itself is left out of its agent's share.
WITH listed AS (
    SELECT DISTINCT subject_id FROM risk_list
    WHERE subject_kind = 'taxpayer' AND listed_on <= period_end($as_of) AND (delisted_on IS NULL OR delisted_on > period_end($as_of))
),
proved AS (
    SELECT DISTINCT taxpayer_key FROM enforcement_case
    WHERE closed_on BETWEEN period_start(period_add($as_of, -35)) AND period_end($as_of) AND conclusion <> 'no_issue'
),
client AS (
    SELECT
        t.taxpayer_key,
        t.agent_key,
        CASE WHEN t.status = 'abnormal' OR l.subject_id IS NOT NULL OR p.taxpayer_key IS NOT NULL THEN 1 ELSE 0 END AS bad
    FROM taxpayer AS t
    LEFT JOIN listed AS l ON l.subject_id = t.taxpayer_id
    LEFT JOIN proved AS p ON p.taxpayer_key = t.taxpayer_key
    WHERE t.valid_to IS NULL AND t.agent_key IS NOT NULL
),
agent AS (
    SELECT agent_key, count(*) AS clients, sum(bad) AS bad FROM client GROUP BY agent_key HAVING count(*) >= 20
),
overall AS (
    SELECT CAST(sum(bad) AS DOUBLE) / count(*) AS share FROM client
)
SELECT
    c.taxpayer_key,
    a.clients AS agents_clients,
    CAST(a.bad - c.bad AS BIGINT) AS agents_bad,
    CAST(o.share AS DOUBLE) AS agents_usual_share,
    (CAST(a.bad - c.bad AS DOUBLE) / (a.clients - 1) - o.share) / nullif(sqrt(o.share * (1.0 - o.share) / (a.clients - 1)), 0.0) AS agents_z
FROM client AS c
JOIN agent AS a ON a.agent_key = c.agent_key
CROSS JOIN overall AS o
