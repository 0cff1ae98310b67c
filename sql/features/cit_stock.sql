-- cit_stock: inventory at the start of the year before the last yearly statement. Grain: one row a taxpayer with a yearly statement for
-- a year that ended by $as_of. Taken from that year's own opening figure, else from the close of the year before it.
WITH yearly AS (
    SELECT taxpayer_key, period, inventory, inventory_opening FROM financial_statement WHERE period_type = 'Y' AND period <= $as_of
),
latest AS (
    SELECT taxpayer_key, max(period) AS last FROM yearly GROUP BY taxpayer_key
)
SELECT
    y.taxpayer_key,
    coalesce(
        max(y.inventory_opening) FILTER (WHERE y.period = l.last - 100),
        max(y.inventory) FILTER (WHERE y.period = l.last - 200)
    ) AS cit_stock_prev_opening
FROM yearly AS y
JOIN latest AS l ON l.taxpayer_key = y.taxpayer_key
GROUP BY y.taxpayer_key
