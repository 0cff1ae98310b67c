-- vat_filing: VAT returns due and filed in the 12 months before the as-of month, whose own return may not be due yet. Grain: one row a
-- taxpayer with a VAT return by $as_of. The form is that of the latest return; quarterly where all its returns stand in March, June,
-- September, December. Due are the periods from the first return of that form; late against the calendar (null without one).
WITH due AS (
    SELECT period, max(due_on) AS due_on FROM tax_calendar WHERE tax_code = 'vat' GROUP BY period
),
filed AS (
    SELECT taxpayer_key, form, period, filed_on FROM vat_return WHERE period BETWEEN period_add($as_of, -35) AND $as_of
),
forms AS (
    SELECT taxpayer_key, form, min(period) AS first, max(period) AS last, count(*) FILTER (WHERE period % 100 NOT IN (3, 6, 9, 12)) = 0 AS quarterly
    FROM filed GROUP BY taxpayer_key, form
),
latest AS (
    SELECT taxpayer_key, max(last) AS last FROM forms GROUP BY taxpayer_key
),
windows AS (
    SELECT
        f.taxpayer_key,
        max(f.form) AS form,
        max(f.first) AS first,
        max(f.last) AS last,
        CAST(max(CASE WHEN f.quarterly THEN 1 ELSE 0 END) AS INT) AS quarterly,
        CAST(max(greatest(f.first, period_add($as_of, -12))) AS INT) AS from_period,
        CAST(period_add($as_of, -1) AS INT) AS to_period
    FROM forms AS f
    JOIN latest AS l ON l.taxpayer_key = f.taxpayer_key AND l.last = f.last
    GROUP BY f.taxpayer_key
)
SELECT
    w.taxpayer_key,
    CAST(max(w.last) AS INT) AS vat_filing_last,
    CAST(greatest(max(CASE WHEN w.quarterly = 1
        THEN (w.to_period / 100 * 12 + w.to_period % 100) / 3 - (w.from_period / 100 * 12 + w.from_period % 100 - 1) / 3
        ELSE period_diff(w.to_period, w.from_period) + 1 END), 0) AS BIGINT) AS vat_filing_due_12,
    count(f.period) AS vat_filing_filed_12,
    count(f.period) FILTER (WHERE f.filed_on > d.due_on) AS vat_filing_late_12,
    count(d.due_on) AS vat_filing_dated_12,
    max(CAST(f.filed_on - d.due_on AS BIGINT)) FILTER (WHERE f.filed_on > d.due_on) AS vat_filing_late_days
FROM windows AS w
LEFT JOIN filed AS f ON f.taxpayer_key = w.taxpayer_key AND f.form = w.form AND f.period BETWEEN w.from_period AND w.to_period
LEFT JOIN due AS d ON d.period = f.period
GROUP BY w.taxpayer_key
