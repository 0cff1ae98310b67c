-- disabled_fund: the fund for employing disabled persons of the year that ends with $as_of: paid or still owed, and reduced. Grain: one row a
-- taxpayer of the register in force; null everywhere where no payment of the fund by anybody is loaded. The reduction is null as well where no
-- details of reliefs are loaded at all.
WITH paid AS (
    SELECT taxpayer_key, sum(amount) AS amount
    FROM tax_payment
    WHERE tax_code = 'disabled_fund' AND kind IN ('declared', 'assessed', 'audit', 'arrears') AND period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key
),
owed AS (
    SELECT taxpayer_key, sum(amount) AS amount
    FROM arrears
    WHERE tax_code = 'disabled_fund' AND period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key
),
reduced AS (
    SELECT taxpayer_key, sum(relief) AS amount
    FROM benefit_claim
    WHERE tax_code = 'disabled_fund' AND period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT
        (SELECT count(*) FROM tax_payment WHERE tax_code = 'disabled_fund' AND period <= $as_of) > 0 AS payments,
        (SELECT count(*) FROM benefit_claim WHERE period <= $as_of) > 0 AS claims
)
SELECT
    t.taxpayer_key,
    CAST(CASE WHEN l.payments THEN coalesce(p.amount, 0) + coalesce(o.amount, 0) END AS DECIMAL(28, 2)) AS disabled_fund_levied,
    CAST(CASE WHEN l.payments AND l.claims THEN coalesce(r.amount, 0) END AS DECIMAL(28, 2)) AS disabled_fund_relief
FROM taxpayer AS t
CROSS JOIN loaded AS l
LEFT JOIN paid AS p ON p.taxpayer_key = t.taxpayer_key
LEFT JOIN owed AS o ON o.taxpayer_key = t.taxpayer_key
LEFT JOIN reduced AS r ON r.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
