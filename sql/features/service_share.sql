-- service_share: share of services in what a taxpayer invoiced, over the months that decide whether the extra deduction of services is open to
-- it in the year of $as_of: April 2018 to March 2019 for 2019, else the calendar year before; the first three months of who registered since.
-- Grain: one row a taxpayer with lines in these months and a sum above nothing. four: postal, telecommunication, modern and consumer
-- services (codes 302, 303, 304, 307); consumer: 307. Lines that are no sales (codes that begin with 6) are left out.
WITH register AS (
    SELECT taxpayer_key, min(registered_on) AS registered_on FROM taxpayer WHERE valid_to IS NULL GROUP BY taxpayer_key
),
years AS (
    SELECT
        CASE WHEN $as_of / 100 = 2019 THEN 201804 ELSE ($as_of / 100 - 1) * 100 + 1 END AS first,
        CASE WHEN $as_of / 100 = 2019 THEN 201903 ELSE ($as_of / 100 - 1) * 100 + 12 END AS last
),
spans AS (
    SELECT
        r.taxpayer_key,
        CASE WHEN r.registered_on > period_end(y.last) THEN period_of(r.registered_on) ELSE y.first END AS first,
        CASE WHEN r.registered_on > period_end(y.last) THEN period_add(period_of(r.registered_on), 2) ELSE y.last END AS last
    FROM register AS r
    CROSS JOIN years AS y
),
sold AS (
    SELECT
        g.taxpayer_key,
        sum(g.goods_sold_amount) AS amount,
        sum(g.goods_sold_amount) FILTER (WHERE left(g.goods_code, 3) IN ('302', '303', '304', '307')) AS four,
        sum(g.goods_sold_amount) FILTER (WHERE left(g.goods_code, 3) = '307') AS consumer
    FROM rollup_goods_sold AS g
    JOIN spans AS s ON s.taxpayer_key = g.taxpayer_key
    WHERE g.period BETWEEN s.first AND s.last AND g.period <= $as_of AND g.goods_code NOT LIKE '6%'
    GROUP BY g.taxpayer_key
)
SELECT
    taxpayer_key,
    CAST(coalesce(four, 0) AS DOUBLE) / CAST(amount AS DOUBLE) AS service_share_four,
    CAST(coalesce(consumer, 0) AS DOUBLE) / CAST(amount AS DOUBLE) AS service_share_consumer
FROM sold
WHERE amount > 0
