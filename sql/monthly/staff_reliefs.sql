-- staff_reliefs: VAT reliefs that depend on whom a firm employs, with its staff of the month. Grain: one row a taxpayer and month of
-- such a claim. Codes: 0001012716 disabled persons (refund on collection), 0001013612 and 0001013613 key groups (employers),
-- 0001011814 veterans (employers). Staff is the larger of those insured and those paid, null when neither is known.
WITH claimed AS (
    SELECT
        taxpayer_key,
        period,
        sum(relief) FILTER (WHERE relief_code = '0001012716') AS disabled_relief,
        sum(relief) FILTER (WHERE relief_code IN ('0001013612', '0001013613')) AS key_group_relief,
        sum(relief) FILTER (WHERE relief_code = '0001011814') AS veteran_relief
    FROM benefit_claim
    WHERE tax_code = 'vat' AND relief_code IN ('0001012716', '0001013612', '0001013613', '0001011814')
    GROUP BY taxpayer_key, period
)
SELECT
    claimed.taxpayer_key,
    claimed.period,
    disabled_relief AS staff_reliefs_disabled,
    key_group_relief AS staff_reliefs_key_group,
    veteran_relief AS staff_reliefs_veterans,
    CAST(greatest(coalesce(s.persons, p.persons), coalesce(p.persons, s.persons)) AS BIGINT) AS staff_reliefs_persons,
    CAST(s.disabled_persons AS BIGINT) AS staff_reliefs_disabled_n
FROM claimed
LEFT JOIN social_insurance AS s ON s.taxpayer_key = claimed.taxpayer_key AND s.period = claimed.period
LEFT JOIN payroll AS p ON p.taxpayer_key = claimed.taxpayer_key AND p.period = claimed.period
