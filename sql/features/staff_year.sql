-- staff_year: what reliefs for employing (or being) certain persons may come to in the calendar year of $as_of. Grain: one row a taxpayer of
-- the register in force. disabled_months: insured disabled staff, months added up, of months in which they are five or more and a quarter of
-- the staff (the larger of insured and paid). tax: VAT declared from January to $as_of. Others: claimed from January to the month before, under
-- the codes of disabled persons, of employers of key groups and of veterans, and of households of either. All null where the source does
-- not reach back to January.
WITH staff AS (
    SELECT
        s.taxpayer_key,
        sum(s.disabled_persons) FILTER (WHERE s.disabled_persons >= 5
            AND s.disabled_persons * 4 >= greatest(coalesce(s.persons, p.persons), coalesce(p.persons, s.persons))) AS disabled
    FROM social_insurance AS s
    LEFT JOIN payroll AS p ON p.taxpayer_key = s.taxpayer_key AND p.period = s.period
    WHERE s.period BETWEEN $as_of / 100 * 100 + 1 AND $as_of
    GROUP BY s.taxpayer_key
),
tax AS (
    SELECT taxpayer_key, sum(tax_total) AS tax FROM vat_return WHERE period BETWEEN $as_of / 100 * 100 + 1 AND $as_of GROUP BY taxpayer_key
),
claims AS (
    SELECT
        taxpayer_key,
        sum(relief) FILTER (WHERE relief_code = '0001012716') AS disabled,
        sum(relief) FILTER (WHERE relief_code IN ('0001013612', '0001013613')) AS key_staff,
        sum(relief) FILTER (WHERE relief_code IN ('0001013610', '0001013611')) AS key_household,
        sum(relief) FILTER (WHERE relief_code = '0001011814') AS veteran_staff,
        sum(relief) FILTER (WHERE relief_code = '0001011813') AS veteran_household
    FROM benefit_claim
    WHERE tax_code = 'vat' AND period >= $as_of / 100 * 100 + 1 AND period < $as_of
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT
        (SELECT min(period) FROM social_insurance) <= $as_of / 100 * 100 + 1 AS staff_known,
        (SELECT min(period) FROM vat_return) <= $as_of / 100 * 100 + 1 AS tax_known,
        (SELECT min(period) FROM benefit_claim) <= $as_of / 100 * 100 + 1 AS claims_known
)
SELECT
    t.taxpayer_key,
    CAST(CASE WHEN staff_known THEN coalesce(s.disabled, 0) END AS BIGINT) AS staff_year_disabled_months,
    CAST(CASE WHEN tax_known THEN coalesce(v.tax, 0) END AS DECIMAL(28, 2)) AS staff_year_tax,
    CAST(CASE WHEN claims_known THEN coalesce(c.disabled, 0) END AS DECIMAL(28, 2)) AS staff_year_disabled,
    CAST(CASE WHEN claims_known THEN coalesce(c.key_staff, 0) END AS DECIMAL(28, 2)) AS staff_year_key_staff,
    CAST(CASE WHEN claims_known THEN coalesce(c.key_household, 0) END AS DECIMAL(28, 2)) AS staff_year_key_household,
    CAST(CASE WHEN claims_known THEN coalesce(c.veteran_staff, 0) END AS DECIMAL(28, 2)) AS staff_year_veteran_staff,
    CAST(CASE WHEN claims_known THEN coalesce(c.veteran_household, 0) END AS DECIMAL(28, 2)) AS staff_year_veteran_household
FROM taxpayer AS t
CROSS JOIN loaded
LEFT JOIN staff AS s ON s.taxpayer_key = t.taxpayer_key
LEFT JOIN tax AS v ON v.taxpayer_key = t.taxpayer_key
LEFT JOIN claims AS c ON c.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
