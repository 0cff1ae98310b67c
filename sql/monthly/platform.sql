-- platform: sales that platforms report. Grain: one row a taxpayer and month.
SELECT
    taxpayer_key,
    period,
    CAST(sum(orders) AS BIGINT) AS platform_orders,
    sum(gross) AS platform_gross,
    sum(refunded) AS platform_refunded
FROM platform_sales
GROUP BY taxpayer_key, period
