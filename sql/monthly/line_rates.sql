-- line_rates: rates on the lines a taxpayer issued, held against the rates of the goods code. Grain: one row a seller and month.
-- standard: lines without preference at 6, 9 or 13 percent whose code is a leaf with a rate in the list of 2019-04-01. wrong: such a line
-- at a rate the code does not allow (where the list gives two, either will do). short_tax: what lines below the lowest allowed rate miss.
-- Lines of void invoices are in. Before 2019-04 the rates were others: not judged.
WITH rated AS (
    SELECT
        l.taxpayer_key,
        l.period,
        l.goods_sold_n AS n,
        l.goods_sold_amount AS amount,
        l.preference,
        l.rate,
        l.goods_code LIKE '5%' OR l.goods_code LIKE '40501%' OR l.goods_code LIKE '304050202%' AS is_estate,
        l.period >= 201904 AND l.preference = 'none' AND l.rate IN (0.06, 0.09, 0.13) AND g.rate_201904 <> '' AND g.rate_201904 <> '0' AS is_standard,
        ',' || g.rate_201904 || ',' AS allowed,
        CAST(split_part(g.rate_201904, ',', CASE WHEN g.rate_201904 LIKE '%,%' THEN 2 ELSE 1 END) AS DECIMAL(4, 0)) / 100 AS lowest
    FROM rollup_goods_sold AS l
    LEFT JOIN codes.goods AS g ON g.code = l.goods_code
)
SELECT
    taxpayer_key,
    period,
    sum(amount) FILTER (WHERE is_standard) AS line_rates_standard_amount,
    coalesce(sum(amount) FILTER (WHERE is_standard AND allowed NOT LIKE '%,' || CAST(CAST(rate * 100 AS INT) AS VARCHAR) || ',%'), 0) AS line_rates_wrong_amount,
    coalesce(sum(amount * (lowest - rate)) FILTER (WHERE is_standard AND rate < lowest), 0) AS line_rates_short_tax,
    coalesce(sum(amount) FILTER (WHERE preference = 'refund_on_collection'), 0) AS line_rates_refund_amount,
    coalesce(sum(amount) FILTER (WHERE preference = 'not_taxable'), 0) AS line_rates_not_taxable_amount,
    coalesce(sum(amount) FILTER (WHERE is_estate AND rate = 0.01), 0) AS line_rates_estate_1_amount,
    CAST(coalesce(sum(n) FILTER (WHERE is_estate AND rate = 0.01), 0) AS BIGINT) AS line_rates_estate_1_n,
    sum(amount) AS line_rates_amount
FROM rated
GROUP BY taxpayer_key, period
