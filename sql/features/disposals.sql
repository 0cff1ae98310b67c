-- disposals: real estate sold in the year of the last yearly return of income tax, and what the return shows as gain on disposing of assets.
-- Grain: one row a taxpayer with a yearly return for a year that ended by $as_of.
-- Prices are those of the deals registered; a taxpayer without a deal sold none, and where no deal at all is loaded nobody knows.
WITH latest AS (
    SELECT taxpayer_key, max(period) AS last FROM cit_return WHERE period_type = 'Y' AND period <= $as_of GROUP BY taxpayer_key
),
sold AS (
    SELECT l.taxpayer_key, count(*) AS n, sum(e.price) AS price
    FROM real_estate AS e
    JOIN latest AS l ON l.taxpayer_key = e.taxpayer_key
    WHERE e.kind = 'sale' AND e.signed_on BETWEEN period_start(l.last - 11) AND period_end(l.last)
    GROUP BY l.taxpayer_key
),
loaded AS (
    SELECT count(*) > 0 AS deals FROM real_estate
)
SELECT
    l.taxpayer_key,
    CASE WHEN d.deals THEN coalesce(s.n, 0) END AS disposals_n,
    CAST(CASE WHEN d.deals THEN coalesce(s.price, 0) END AS DECIMAL(28, 2)) AS disposals_price,
    r.asset_disposal_gain AS disposals_gain
FROM latest AS l
JOIN cit_return AS r ON r.taxpayer_key = l.taxpayer_key AND r.period = l.last AND r.period_type = 'Y'
CROSS JOIN loaded AS d
LEFT JOIN sold AS s ON s.taxpayer_key = l.taxpayer_key
