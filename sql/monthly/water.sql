-- water: water and gas over all meters. Grain: one row a taxpayer and month with a meter read.
SELECT
    taxpayer_key,
    period,
    sum(amount) FILTER (WHERE kind = 'water') AS water_amount,
    sum(amount) FILTER (WHERE kind = 'gas') AS gas_amount
FROM water_gas
GROUP BY taxpayer_key, period
