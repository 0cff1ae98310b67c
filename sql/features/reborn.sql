-- reborn: a registration that ended (deregistered, cancelled, non-normal) and another of the same people set up around that time.
-- Grain: one row a taxpayer of the register in force whose legal representative is known; role null: no such pair.
-- A pair: the same legal representative and, beside that, the same address, telephone or issuing device; the new one registered from 180
-- days before to 365 days after the day the old one ended. role: `old` for the one that ended, `new` for the one set up; of several
-- pairs the one with the largest debt. debt: arrears of the old one that were due by the end of $as_of; null where no arrears are loaded.
WITH loaded AS (
    SELECT count(*) > 0 AS arrears_loaded FROM arrears
),
owed AS (
    SELECT taxpayer_key, sum(amount) AS debt FROM arrears WHERE due_on <= period_end($as_of) GROUP BY taxpayer_key
),
ended AS (
    SELECT taxpayer_key, taxpayer_id, status_since, legal_rep_key, address_key, phone_key, device_key, credit_rating
    FROM taxpayer
    WHERE valid_to IS NULL AND status IN ('deregistered', 'cancelled', 'abnormal') AND status_since <= period_end($as_of) AND legal_rep_key IS NOT NULL
),
pair AS (
    SELECT
        e.taxpayer_key AS old_key,
        e.taxpayer_id AS old_id,
        n.taxpayer_key AS new_key,
        n.taxpayer_id AS new_id,
        e.status_since AS ended_on,
        n.registered_on,
        e.credit_rating AS rating,
        CASE WHEN arrears_loaded THEN coalesce(o.debt, 0) END AS debt
    FROM ended AS e
    JOIN taxpayer AS n ON n.legal_rep_key = e.legal_rep_key AND n.valid_to IS NULL AND n.taxpayer_key <> e.taxpayer_key
        AND (n.address_key = e.address_key OR n.phone_key = e.phone_key OR n.device_key = e.device_key)
        AND n.registered_on BETWEEN e.status_since - INTERVAL '180 days' AND e.status_since + INTERVAL '365 days'
        AND n.registered_on <= period_end($as_of)
    CROSS JOIN loaded
    LEFT JOIN owed AS o ON o.taxpayer_key = e.taxpayer_key
),
sides AS (
    SELECT old_key AS taxpayer_key, 'old' AS role, new_id AS other, ended_on, registered_on, rating, debt FROM pair
    UNION ALL
    SELECT new_key, 'new', old_id, ended_on, registered_on, rating, debt FROM pair
),
first AS (
    SELECT *, row_number() OVER (PARTITION BY taxpayer_key ORDER BY debt DESC NULLS LAST, other, role) AS place FROM sides
)
SELECT
    t.taxpayer_key,
    f.role AS reborn_role,
    f.other AS reborn_other,
    f.ended_on AS reborn_ended_on,
    f.registered_on AS reborn_registered_on,
    f.rating AS reborn_rating,
    CAST(f.debt AS DECIMAL(28, 2)) AS reborn_debt,
    CAST(CASE WHEN f.taxpayer_key IS NULL THEN 0 ELSE 1 END AS BIGINT) AS reborn_n
FROM taxpayer AS t
LEFT JOIN first AS f ON f.taxpayer_key = t.taxpayer_key AND f.place = 1
WHERE t.valid_to IS NULL AND t.legal_rep_key IS NOT NULL
