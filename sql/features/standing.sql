-- standing: arrears, cases, lists and changes of the register. Grain: one row a taxpayer of the register in force.
-- A taxpayer without a row in one of these tables has none of it; where the table is empty, nobody knows.
WITH days AS (
    SELECT period_end($as_of) AS as_of_day, period_start(period_add($as_of, -11)) AS year_ago, period_start(period_add($as_of, -35)) AS three_years_ago
),
owed AS (
    SELECT taxpayer_key, count(*) AS arrears_n, sum(amount) AS arrears_amount, min(due_on) AS arrears_since
    FROM arrears CROSS JOIN days WHERE due_on <= as_of_day GROUP BY taxpayer_key
),
cases AS (
    SELECT
        taxpayer_key,
        count(*) FILTER (WHERE closed_on BETWEEN three_years_ago AND as_of_day AND conclusion NOT IN ('no_issue')) AS cases_proved_36,
        sum(tax_recovered) FILTER (WHERE closed_on BETWEEN three_years_ago AND as_of_day) AS cases_recovered_36,
        count(*) FILTER (WHERE opened_on <= as_of_day AND (closed_on IS NULL OR closed_on > as_of_day)) AS cases_open
    FROM enforcement_case CROSS JOIN days GROUP BY taxpayer_key
),
courts AS (
    SELECT taxpayer_key, count(*) AS court_cases_36 FROM court_case CROSS JOIN days
    WHERE decided_on BETWEEN three_years_ago AND as_of_day GROUP BY taxpayer_key
),
changes AS (
    SELECT
        taxpayer_key,
        count(*) FILTER (WHERE item = 'legal_rep' AND changed_on BETWEEN year_ago AND as_of_day) AS rep_changes_12,
        count(*) FILTER (WHERE item = 'address' AND changed_on BETWEEN year_ago AND as_of_day) AS address_changes_12,
        max(changed_on) FILTER (WHERE item = 'legal_rep' AND changed_on <= as_of_day) AS rep_changed_on
    FROM registration_change CROSS JOIN days GROUP BY taxpayer_key
),
listed AS (
    SELECT subject_id, count(*) AS listed_n FROM risk_list CROSS JOIN days
    WHERE subject_kind = 'taxpayer' AND listed_on <= as_of_day AND (delisted_on IS NULL OR delisted_on > as_of_day) GROUP BY subject_id
),
holds AS (
    SELECT
        taxpayer_key,
        count(*) FILTER (WHERE kind = 'high_tech') AS holds_high_tech,
        count(*) FILTER (WHERE kind = 'software') AS holds_software,
        count(*) FILTER (WHERE kind = 'export') AS holds_export,
        count(*) FILTER (WHERE kind = 'welfare') AS holds_welfare,
        count(*) FILTER (WHERE kind = 'advanced_manufacturing') AS holds_advanced_manufacturing
    FROM qualification CROSS JOIN days
    WHERE valid_from <= as_of_day AND (valid_to IS NULL OR valid_to >= as_of_day) GROUP BY taxpayer_key
),
loaded AS (
    SELECT
        (SELECT count(*) FROM arrears) > 0 AS arrears_loaded,
        (SELECT count(*) FROM enforcement_case) > 0 AS cases_loaded,
        (SELECT count(*) FROM court_case) > 0 AS courts_loaded,
        (SELECT count(*) FROM registration_change) > 0 AS changes_loaded,
        (SELECT count(*) FROM risk_list) > 0 AS lists_loaded,
        (SELECT count(*) FROM qualification) > 0 AS holds_loaded
)
SELECT
    t.taxpayer_key,
    CASE WHEN arrears_loaded THEN coalesce(arrears_n, 0) END AS arrears_n,
    CASE WHEN arrears_loaded THEN coalesce(arrears_amount, 0) END AS arrears_amount,
    arrears_since,
    CASE WHEN cases_loaded THEN coalesce(cases_proved_36, 0) END AS cases_proved_36,
    CASE WHEN cases_loaded THEN coalesce(cases_recovered_36, 0) END AS cases_recovered_36,
    CASE WHEN cases_loaded THEN coalesce(cases_open, 0) END AS cases_open,
    CASE WHEN courts_loaded THEN coalesce(court_cases_36, 0) END AS court_cases_36,
    CASE WHEN changes_loaded THEN coalesce(rep_changes_12, 0) END AS rep_changes_12,
    CASE WHEN changes_loaded THEN coalesce(address_changes_12, 0) END AS address_changes_12,
    rep_changed_on,
    CASE WHEN lists_loaded THEN coalesce(listed_n, 0) END AS listed_n,
    CASE WHEN holds_loaded THEN coalesce(holds_high_tech, 0) END AS holds_high_tech,
    CASE WHEN holds_loaded THEN coalesce(holds_software, 0) END AS holds_software,
    CASE WHEN holds_loaded THEN coalesce(holds_export, 0) END AS holds_export,
    CASE WHEN holds_loaded THEN coalesce(holds_welfare, 0) END AS holds_welfare,
    CASE WHEN holds_loaded THEN coalesce(holds_advanced_manufacturing, 0) END AS holds_advanced_manufacturing
FROM taxpayer AS t
CROSS JOIN loaded
LEFT JOIN owed ON owed.taxpayer_key = t.taxpayer_key
LEFT JOIN cases ON cases.taxpayer_key = t.taxpayer_key
LEFT JOIN courts ON courts.taxpayer_key = t.taxpayer_key
LEFT JOIN changes ON changes.taxpayer_key = t.taxpayer_key
LEFT JOIN listed ON listed.subject_id = t.taxpayer_id
LEFT JOIN holds ON holds.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
