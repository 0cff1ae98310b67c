-- used_cars: uniform invoices of used cars. Grain: one row a taxpayer and month of issue with one in force that it sold or bought under.
-- Amounts are before tax, reds with their sign; n counts the blue ones.
SELECT
    taxpayer_key,
    period,
    sum(sold) AS used_cars_sold,
    CAST(sum(CASE WHEN sold > 0 THEN 1 ELSE 0 END) AS BIGINT) AS used_cars_sold_n,
    CAST(sum(CASE WHEN bought > 0 THEN 1 ELSE 0 END) AS BIGINT) AS used_cars_bought_n
FROM (
    SELECT seller_key AS taxpayer_key, period, amount AS sold, CAST(0 AS DECIMAL(18, 2)) AS bought
    FROM invoice WHERE kind = 'used_car' AND status <> 'void' AND seller_key IS NOT NULL
    UNION ALL
    SELECT buyer_key, period, CAST(0 AS DECIMAL(18, 2)), amount
    FROM invoice WHERE kind = 'used_car' AND status <> 'void' AND buyer_key IS NOT NULL
) AS side
GROUP BY taxpayer_key, period
