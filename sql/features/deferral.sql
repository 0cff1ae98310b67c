-- deferral: taxes of the month (or quarter) $as_of that manufacturers could pay later in 2021 and 2022, what of them was paid later, and the
-- sales of a year that say how large a firm is. Grain: one row a taxpayer of the register in force with such a tax.
-- due: income taxes on own account, VAT, excise and the surcharges on them, paid or still owed; what was withheld from others is left out.
-- late: paid after the second month that followed, where no late fee was charged on that tax and period.
-- sales: VAT sales of the twelve months to September 2021 for 2021, of the year 2021 for 2022; of who registered within them or after, those
-- since, scaled to a year. Null where returns do not cover these months.
WITH asked AS (
    SELECT
        CAST(CASE WHEN $as_of <= 202112 THEN 202010 ELSE 202101 END AS INT) AS first,
        CAST(CASE WHEN $as_of <= 202112 THEN 202109 ELSE 202112 END AS INT) AS last
),
payment AS (
    SELECT taxpayer_key, tax_code, kind, paid_on, amount
    FROM tax_payment
    WHERE period = $as_of AND tax_code IN ('vat', 'consumption', 'cit', 'iit', 'city_maintenance', 'education', 'local_education')
),
fined AS (
    SELECT DISTINCT taxpayer_key, tax_code FROM payment WHERE kind = 'late_fee'
),
paid AS (
    SELECT
        p.taxpayer_key,
        sum(p.amount) AS due,
        sum(CASE WHEN p.paid_on > period_end(period_add($as_of, 2)) AND f.taxpayer_key IS NULL THEN p.amount ELSE 0 END) AS late
    FROM payment AS p
    LEFT JOIN fined AS f ON f.taxpayer_key = p.taxpayer_key AND f.tax_code = p.tax_code
    WHERE p.kind = 'declared'
    GROUP BY p.taxpayer_key
),
owed AS (
    SELECT taxpayer_key, sum(amount) AS amount
    FROM arrears
    WHERE period = $as_of AND tax_code IN ('vat', 'consumption', 'cit', 'iit', 'city_maintenance', 'education', 'local_education')
    GROUP BY taxpayer_key
),
firm AS (
    SELECT
        t.taxpayer_key,
        CASE WHEN period_of(t.registered_on) <= a.first THEN a.first ELSE period_of(t.registered_on) END AS first,
        CASE WHEN period_of(t.registered_on) <= a.last THEN a.last ELSE CAST($as_of AS INT) END AS last
    FROM taxpayer AS t
    CROSS JOIN asked AS a
    WHERE t.valid_to IS NULL AND t.registered_on IS NOT NULL
),
sold AS (
    SELECT
        r.taxpayer_key,
        period_diff(max(f.last), min(f.first)) + 1 AS months,
        sum(CASE WHEN r.form = 'general' THEN 1 ELSE 3 END) AS covered,
        sum(CASE WHEN r.form = 'general'
            THEN coalesce(r.taxable_sales, 0) + coalesce(r.simple_sales, 0) + coalesce(r.export_sales, 0) + coalesce(r.exempt_sales, 0)
            ELSE coalesce(r.small_sales_3pct, 0) + coalesce(r.small_sales_5pct, 0) + coalesce(r.export_sales, 0)
                + greatest(coalesce(r.exempt_sales, 0), coalesce(r.small_exempt_sales, 0)) END) AS sales
    FROM vat_return AS r
    JOIN firm AS f ON f.taxpayer_key = r.taxpayer_key AND r.period BETWEEN f.first AND f.last
    GROUP BY r.taxpayer_key
)
SELECT
    t.taxpayer_key,
    CAST(coalesce(p.due, 0) + coalesce(o.amount, 0) AS DECIMAL(28, 2)) AS deferral_due,
    CAST(coalesce(p.late, 0) AS DECIMAL(28, 2)) AS deferral_late,
    CAST(CASE WHEN s.covered >= s.months THEN s.sales * 12 / s.months END AS DECIMAL(28, 2)) AS deferral_sales
FROM taxpayer AS t
LEFT JOIN paid AS p ON p.taxpayer_key = t.taxpayer_key
LEFT JOIN owed AS o ON o.taxpayer_key = t.taxpayer_key
LEFT JOIN sold AS s ON s.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL AND (p.taxpayer_key IS NOT NULL OR o.taxpayer_key IS NOT NULL)
