-- property_sold: sales of real estate registered. Grain: one row a seller and month of signing with a sale.
SELECT
    taxpayer_key,
    period_of(signed_on) AS period,
    sum(price) AS property_sold_price
FROM real_estate
WHERE kind = 'sale' AND price > 0 AND signed_on IS NOT NULL
GROUP BY taxpayer_key, period_of(signed_on)
