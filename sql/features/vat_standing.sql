-- vat_standing: lists, cases and arrears that decide over extra deductions and refunds of credit. Grain: one row a taxpayer of the register
-- in force. A taxpayer without a row has none of it; where a source is empty by $as_of, nobody knows.
WITH days AS (
    SELECT period_end($as_of) AS as_of_day, period_start(period_add($as_of, -35)) AS three_years_ago
),
holds AS (
    SELECT
        taxpayer_key,
        count(*) FILTER (WHERE kind = 'integrated_circuit') AS ic,
        count(*) FILTER (WHERE kind = 'machine_tool') AS machine_tool,
        count(*) FILTER (WHERE kind = 'advanced_manufacturing') AS advanced
    FROM qualification CROSS JOIN days
    WHERE valid_from <= as_of_day AND (valid_to IS NULL OR valid_to >= as_of_day) GROUP BY taxpayer_key
),
cases AS (
    SELECT
        taxpayer_key,
        count(*) FILTER (WHERE closed_on BETWEEN three_years_ago AND as_of_day AND conclusion IN ('false_invoicing', 'refund_fraud')) AS fraud,
        max(closed_on) FILTER (WHERE closed_on BETWEEN three_years_ago AND as_of_day AND conclusion IN ('false_invoicing', 'refund_fraud')) AS fraud_on,
        count(*) FILTER (WHERE closed_on BETWEEN three_years_ago AND as_of_day AND conclusion = 'evasion' AND fine > 0) AS evasion,
        count(*) FILTER (WHERE kind = 'audit' AND opened_on <= as_of_day AND (closed_on IS NULL OR closed_on > as_of_day)) AS audit_open
    FROM enforcement_case CROSS JOIN days GROUP BY taxpayer_key
),
owed AS (
    SELECT taxpayer_key, sum(amount) AS amount FROM arrears CROSS JOIN days WHERE tax_code = 'vat' AND due_on <= as_of_day GROUP BY taxpayer_key
),
loaded AS (
    SELECT
        (SELECT count(*) FROM qualification) > 0 AS holds_loaded,
        (SELECT count(*) FROM enforcement_case CROSS JOIN days WHERE opened_on <= as_of_day) > 0 AS cases_loaded,
        (SELECT count(*) FROM arrears CROSS JOIN days WHERE due_on <= as_of_day) > 0 AS owed_loaded
)
SELECT
    t.taxpayer_key,
    CASE WHEN holds_loaded THEN CASE WHEN advanced > 0 THEN 1 ELSE 0 END + CASE WHEN ic > 0 THEN 1 ELSE 0 END + CASE WHEN machine_tool > 0 THEN 1 ELSE 0 END END AS vat_standing_extra_lists,
    CASE WHEN holds_loaded THEN CASE WHEN ic > 0 OR machine_tool > 0 THEN 0.15 WHEN advanced > 0 THEN 0.05 ELSE 0.0 END END AS vat_standing_extra_rate,
    CASE WHEN cases_loaded THEN coalesce(fraud, 0) END AS vat_standing_fraud_36,
    fraud_on AS vat_standing_fraud_on,
    CASE WHEN cases_loaded THEN coalesce(evasion, 0) END AS vat_standing_evasion_36,
    CASE WHEN cases_loaded THEN coalesce(audit_open, 0) END AS vat_standing_audit_open,
    CASE WHEN owed_loaded THEN coalesce(owed.amount, 0) END AS vat_standing_arrears
FROM taxpayer AS t
CROSS JOIN loaded
LEFT JOIN holds ON holds.taxpayer_key = t.taxpayer_key
LEFT JOIN cases ON cases.taxpayer_key = t.taxpayer_key
LEFT JOIN owed ON owed.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
