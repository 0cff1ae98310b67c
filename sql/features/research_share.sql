-- research_share: R&D expense and revenue of the last three yearly income tax returns, of years in business where these are fewer. Grain: one row
-- a taxpayer with a yearly return of the year of $as_of or of the two before. Null where one of the years is not in the warehouse.
WITH yearly AS (
    SELECT taxpayer_key, period, revenue, rd_expense
    FROM cit_return
    WHERE period_type = 'Y' AND period <= $as_of
),
latest AS (
    SELECT taxpayer_key, max(period) AS last FROM yearly GROUP BY taxpayer_key HAVING max(period) / 100 >= $as_of / 100 - 2
),
sums AS (
    SELECT
        l.taxpayer_key,
        l.last,
        count(*) FILTER (WHERE y.revenue IS NOT NULL AND y.rd_expense IS NOT NULL) AS years,
        sum(y.rd_expense) AS rd_expense,
        sum(y.revenue) AS revenue,
        max(y.revenue) FILTER (WHERE y.period = l.last) AS revenue_last
    FROM latest AS l
    JOIN yearly AS y ON y.taxpayer_key = l.taxpayer_key AND y.period > l.last - 300
    GROUP BY l.taxpayer_key, l.last
)
SELECT
    s.taxpayer_key,
    CAST(CASE WHEN whole THEN s.rd_expense END AS DECIMAL(28, 2)) AS research_share_expense,
    CAST(CASE WHEN whole THEN s.revenue END AS DECIMAL(28, 2)) AS research_share_revenue,
    CAST(CASE WHEN whole THEN s.revenue_last END AS DECIMAL(28, 2)) AS research_share_last
FROM (
    SELECT
        s.*,
        s.years >= least(3, greatest(1, coalesce(s.last / 100 - CAST(date_part('year', t.registered_on) AS INT) + 1, 3))) AS whole
    FROM sums AS s
    JOIN taxpayer AS t ON t.taxpayer_key = s.taxpayer_key AND t.valid_to IS NULL
) AS s
