-- power: electricity over all meters. Grain: one row a taxpayer and month with a meter read.
SELECT taxpayer_key, period, CAST(sum(kwh) AS DECIMAL(28, 2)) AS power_kwh, sum(amount) AS power_amount
FROM electricity
GROUP BY taxpayer_key, period
