-- export_prices: unit prices of exports of the 12 months ending $as_of against all exports of the same HS code and unit.
-- Grain: one row a taxpayer with a priced export.
-- Prices are in yuan, dollars by the month's rate in economic_series; other currencies are left out. A code and unit is compared when
-- at least 30 items of at least five exporters stand in it. Below its 5th percentile is low, above its 95th high; both are exact, for
-- an estimate depends on the order of rows.
WITH rate AS (
    SELECT period, max(CAST(value AS DOUBLE)) AS yuan FROM economic_series WHERE series = 'usd_cny' GROUP BY period
),
item AS (
    SELECT
        d.taxpayer_key,
        d.hs_code,
        d.unit,
        CAST(CAST(d.fob AS DOUBLE) * (CASE d.currency WHEN 'CNY' THEN 1.0 WHEN 'USD' THEN r.yuan END) AS DECIMAL(28, 6)) AS yuan,
        CAST(d.fob AS DOUBLE) * (CASE d.currency WHEN 'CNY' THEN 1.0 WHEN 'USD' THEN r.yuan END) / nullif(CAST(d.quantity AS DOUBLE), 0.0) AS price
    FROM customs_declaration AS d
    LEFT JOIN rate AS r ON r.period = d.period
    WHERE d.direction = 'export' AND d.period > period_add($as_of, -12) AND d.period <= $as_of
        AND d.hs_code IS NOT NULL AND d.unit IS NOT NULL AND d.quantity > 0 AND d.fob > 0
),
usual AS (
    SELECT hs_code, unit, percentile_cont(0.05) WITHIN GROUP (ORDER BY price) AS low, percentile_cont(0.95) WITHIN GROUP (ORDER BY price) AS high
    FROM item WHERE price IS NOT NULL
    GROUP BY hs_code, unit
    HAVING count(*) >= 30 AND count(DISTINCT taxpayer_key) >= 5
)
SELECT
    i.taxpayer_key,
    count(*) AS export_prices_n,
    CAST(sum(i.yuan) AS DECIMAL(28, 2)) AS export_prices_value,
    count(*) FILTER (WHERE i.price < u.low) AS export_prices_low_n,
    count(*) FILTER (WHERE i.price > u.high) AS export_prices_high_n,
    CAST(coalesce(sum(i.yuan) FILTER (WHERE i.price < u.low OR i.price > u.high), 0) AS DECIMAL(28, 2)) AS export_prices_out_value
FROM item AS i
JOIN usual AS u ON u.hs_code = i.hs_code AND u.unit = i.unit
WHERE i.price IS NOT NULL
GROUP BY i.taxpayer_key
