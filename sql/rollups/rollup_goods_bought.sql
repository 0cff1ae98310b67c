-- rollup_goods_bought: what a taxpayer bought in a month, by goods. Grain: one row a (buyer, month of issue, goods code). Words and caveats as
-- in rollup_goods_sold; lines to consumers have no buyer and no row here.
SELECT
    buyer_key AS taxpayer_key,
    period,
    goods_code,
    count(*) AS goods_bought_n,
    sum(amount) AS goods_bought_amount,
    coalesce(sum(tax), 0) AS goods_bought_tax,
    count(*) FILTER (WHERE seller_key = buyer_key) AS goods_bought_own_n,
    coalesce(sum(amount) FILTER (WHERE seller_key = buyer_key), 0) AS goods_bought_own_amount
FROM invoice_line
WHERE buyer_key IS NOT NULL
GROUP BY buyer_key, period, goods_code
