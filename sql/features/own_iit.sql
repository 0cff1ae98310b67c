-- own_iit: personal income tax paid by a taxpayer on its own account over the year that ends with $as_of (what it withheld from others is left
-- out), and reliefs of that tax. Grain: one row a taxpayer of the register in force that paid or claimed. The relief is null where no relief of
-- personal income tax of anybody is loaded. For an individual business this is the tax on its business income; the return itself is in no table.
WITH paid AS (
    SELECT taxpayer_key, sum(amount) AS paid
    FROM tax_payment
    WHERE tax_code = 'iit' AND kind IN ('declared', 'assessed', 'audit', 'arrears') AND period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key
),
claimed AS (
    SELECT taxpayer_key, sum(relief) AS relief
    FROM benefit_claim
    WHERE tax_code = 'iit' AND period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT count(*) > 0 AS known FROM benefit_claim WHERE tax_code = 'iit' AND period <= $as_of
)
SELECT
    t.taxpayer_key,
    p.paid AS own_iit_paid,
    CAST(CASE WHEN l.known THEN coalesce(c.relief, 0) END AS DECIMAL(28, 2)) AS own_iit_relief
FROM taxpayer AS t
CROSS JOIN loaded AS l
LEFT JOIN paid AS p ON p.taxpayer_key = t.taxpayer_key
LEFT JOIN claimed AS c ON c.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL AND (p.taxpayer_key IS NOT NULL OR c.taxpayer_key IS NOT NULL)
