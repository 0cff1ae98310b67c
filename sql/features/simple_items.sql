-- simple_items: items invoiced by the simple method, over the 36 months ending $as_of. Grain: one row a taxpayer with lines marked 简易计税.
-- mixed: of these, lines of goods codes that the same taxpayer also invoiced at 6 percent or more, unmarked, in the window. Construction,
-- real estate and leases of it are left out: there the method is chosen by the project. Lines of void invoices are in.
WITH item AS (
    SELECT
        taxpayer_key,
        goods_code,
        coalesce(sum(goods_sold_amount) FILTER (WHERE preference = 'simple'), 0) AS simple,
        coalesce(sum(goods_sold_amount) FILTER (WHERE preference = 'none' AND rate >= 0.06), 0) AS usual
    FROM rollup_goods_sold
    WHERE period > period_add($as_of, -36) AND period <= $as_of
        AND goods_code NOT LIKE '305%' AND goods_code NOT LIKE '5%' AND goods_code NOT LIKE '304050202%'
    GROUP BY taxpayer_key, goods_code
)
SELECT taxpayer_key, CAST(coalesce(sum(simple) FILTER (WHERE usual > 0), 0) AS DECIMAL(28, 2)) AS simple_items_mixed
FROM item
WHERE simple > 0
GROUP BY taxpayer_key
