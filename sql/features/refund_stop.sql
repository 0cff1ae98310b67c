-- refund_stop: the last finding of refund fraud by $as_of, the shortest stop of refunds that follows from its size, and what was
-- claimed inside that time. Grain: one row a taxpayer of the register.
-- Shortest stops: under 100,000 yuan 6 months, under 500,000 12, under 5,000,000 18, from there on 24. They run from the decision (closed_on).
WITH fraud AS (
    SELECT taxpayer_key, max(closed_on) AS decided_on, last_value(tax_recovered ORDER BY closed_on, case_no) AS cheated, count(*) AS frauds
    FROM (SELECT taxpayer_key, closed_on, case_no, coalesce(tax_recovered, 0) AS tax_recovered FROM enforcement_case
        WHERE conclusion = 'refund_fraud' AND closed_on <= period_end($as_of)) AS found
    GROUP BY taxpayer_key
),
stop AS (
    SELECT taxpayer_key, decided_on, cheated, frauds, period_of(decided_on) AS decided,
        period_add(period_of(decided_on), CASE WHEN cheated < 100000 THEN 6 WHEN cheated < 500000 THEN 12 WHEN cheated < 5000000 THEN 18 ELSE 24 END) AS until
    FROM fraud
),
inside AS (
    SELECT e.taxpayer_key, count(*) AS n, sum(e.refund) AS refund
    FROM export_refund AS e JOIN stop AS s ON s.taxpayer_key = e.taxpayer_key
    WHERE e.period > s.decided AND e.period < s.until AND e.period <= $as_of
    GROUP BY e.taxpayer_key
)
SELECT
    t.taxpayer_key,
    s.decided_on AS refund_stop_decided_on,
    CAST(s.cheated AS DECIMAL(28, 2)) AS refund_stop_cheated,
    period_start(s.until) AS refund_stop_until,
    CASE WHEN loaded THEN coalesce(s.frauds, 0) END AS refund_stop_frauds,
    CASE WHEN loaded THEN coalesce(i.n, 0) END AS refund_stop_claims,
    CAST(CASE WHEN loaded THEN coalesce(i.refund, 0) END AS DECIMAL(28, 2)) AS refund_stop_refund
FROM taxpayer AS t
CROSS JOIN (SELECT count(*) > 0 AS loaded FROM enforcement_case) AS l
LEFT JOIN stop AS s ON s.taxpayer_key = t.taxpayer_key
LEFT JOIN inside AS i ON i.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
