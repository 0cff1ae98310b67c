-- general_line: sales of small-scale taxpayers against the standard of a general taxpayer, 5,000,000 yuan in not more than 12 months or four
-- quarters running (the statutory figure since 2018-05). Grain: one row a taxpayer with a return of the small-scale form in the last 36 months.
-- Sales are all sales declared, exempt ones included. A quarterly return stands in its last month and covers the two months before:
-- effective_on is the first day of the month or quarter in which the sum first passed the standard. still: months from the latest such return
-- to $as_of, null where a return of a general taxpayer came after it. Seen from 2026 on, what was declared since counts from January 2026, when
-- the rule that general status starts with the period of crossing came into force.
WITH small AS (
    SELECT
        taxpayer_key,
        period,
        period / 100 * 12 + period % 100 AS month_no,
        coalesce(small_exempt_sales, 0) + coalesce(exempt_sales, 0) + coalesce(export_sales, 0) + coalesce(small_sales_3pct, 0) + coalesce(small_sales_5pct, 0) AS sales,
        tax_total
    FROM vat_return
    WHERE form = 'small' AND period BETWEEN period_add($as_of, -46) AND $as_of
),
rolled AS (
    SELECT
        *,
        sum(sales) OVER (PARTITION BY taxpayer_key ORDER BY month_no RANGE BETWEEN 11 PRECEDING AND CURRENT ROW) AS rolling
    FROM small
),
crossed AS (
    SELECT
        taxpayer_key,
        max(period) AS last,
        min(period) FILTER (WHERE rolling > 5000000 AND period > period_add($as_of, -36)) AS first_over,
        count(*) FILTER (WHERE period % 100 NOT IN (3, 6, 9, 12)) > 0 AS monthly
    FROM rolled
    GROUP BY taxpayer_key
),
since AS (
    SELECT *, CASE WHEN $as_of >= 202601 THEN greatest(first_over, 202601) ELSE first_over END AS since FROM crossed WHERE first_over IS NOT NULL
    UNION ALL
    SELECT *, NULL AS since FROM crossed WHERE first_over IS NULL
),
general AS (
    SELECT taxpayer_key, max(period) AS last FROM vat_return WHERE form = 'general' AND period <= $as_of GROUP BY taxpayer_key
)
SELECT
    c.taxpayer_key,
    coalesce(max(r.rolling) FILTER (WHERE r.period = c.first_over), max(r.rolling) FILTER (WHERE r.period = c.last)) AS general_line_sales_12,
    CAST(max(c.first_over) AS INT) AS general_line_crossed,
    max(period_start(CASE WHEN c.monthly THEN c.first_over ELSE period_add(c.first_over, -2) END)) AS general_line_effective_on,
    CASE WHEN max(c.since) IS NOT NULL THEN coalesce(sum(r.sales) FILTER (WHERE r.period >= c.since), 0) END AS general_line_sales_since,
    CASE WHEN max(c.since) IS NOT NULL THEN coalesce(sum(r.tax_total) FILTER (WHERE r.period >= c.since), 0) END AS general_line_tax_since,
    CAST(max(CASE WHEN g.last IS NULL OR g.last <= c.last THEN period_diff($as_of, c.last) END) AS BIGINT) AS general_line_still
FROM since AS c
JOIN rolled AS r ON r.taxpayer_key = c.taxpayer_key
LEFT JOIN general AS g ON g.taxpayer_key = c.taxpayer_key
GROUP BY c.taxpayer_key
