-- premises: deals in real estate against the taxes on it. Grain: one row a taxpayer with a deal signed by $as_of.
-- held: area bought up to eight months ago less area sold, price bought likewise (time enough for a half-yearly return).
-- bought_year: price of what was bought 14 to 3 months ago, for deed tax. rent: a year's rent of leases signed 24 to 7 months ago
-- (the taxpayer is the owner). A taxpayer with returns of other taxes but none of these declared none; where fewer than ten taxpayers
-- have such a return the tax is not in the data, and the declared figures are null, as they are for who files nothing at all here.
WITH deals AS (
    SELECT
        taxpayer_key,
        coalesce(sum(area) FILTER (WHERE kind = 'purchase' AND signed_on <= period_end(period_add($as_of, -8))), 0)
            - coalesce(sum(area) FILTER (WHERE kind = 'sale'), 0) AS area_held,
        coalesce(sum(price) FILTER (WHERE kind = 'purchase' AND signed_on <= period_end(period_add($as_of, -8))), 0) AS price_held,
        coalesce(sum(price) FILTER (WHERE kind = 'purchase' AND signed_on > period_end(period_add($as_of, -14))
            AND signed_on <= period_end(period_add($as_of, -3))), 0) AS price_year,
        coalesce(sum(price) FILTER (WHERE kind = 'lease' AND signed_on > period_end(period_add($as_of, -24))
            AND signed_on <= period_end(period_add($as_of, -7))), 0) AS rent,
        count(*) FILTER (WHERE kind = 'sale' AND signed_on > period_end(period_add($as_of, -24))) AS sales_24
    FROM real_estate
    WHERE signed_on <= period_end($as_of)
    GROUP BY taxpayer_key
),
filed AS (
    SELECT
        taxpayer_key,
        count(*) FILTER (WHERE tax_code = 'property' AND period > period_add($as_of, -12)) AS property_n,
        coalesce(sum(base) FILTER (WHERE tax_code = 'property' AND item LIKE '%从租%' AND period > period_add($as_of, -12)), 0) AS rent_base,
        coalesce(sum(base) FILTER (WHERE tax_code = 'deed'), 0) AS deed_base
    FROM other_tax_return
    WHERE period > period_add($as_of, -15) AND period <= $as_of
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT
        count(DISTINCT CASE WHEN tax_code = 'property' THEN taxpayer_key END) >= 10 AS property_loaded,
        count(DISTINCT CASE WHEN tax_code = 'property' AND item LIKE '%从租%' THEN taxpayer_key END) >= 10 AS rent_loaded,
        count(DISTINCT CASE WHEN tax_code = 'deed' THEN taxpayer_key END) >= 10 AS deed_loaded
    FROM other_tax_return
    WHERE period > period_add($as_of, -24) AND period <= $as_of
)
SELECT
    d.taxpayer_key,
    CAST(d.area_held AS DOUBLE) AS premises_area,
    d.price_held AS premises_price,
    d.price_year AS premises_bought_year,
    d.rent AS premises_rent,
    d.sales_24 AS premises_sales_24,
    CASE WHEN property_loaded THEN f.property_n END AS premises_property_n,
    CASE WHEN rent_loaded THEN f.rent_base END AS premises_rent_base,
    CASE WHEN deed_loaded THEN f.deed_base END AS premises_deed_base
FROM deals AS d
CROSS JOIN loaded
LEFT JOIN filed AS f ON f.taxpayer_key = d.taxpayer_key
