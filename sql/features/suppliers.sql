-- suppliers: from whom a taxpayer bought, over the months ending $as_of. Grain: one row a buyer with trade in the last 24 months.
--
-- The mirror of customers.sql; words and windows are the same. supplier_silent_*: purchases of the 12 months from suppliers who
-- issued regularly (in at least 4 of the 9 months before the last three) and then nothing to anybody for three months. What
-- a supplier issued is what this warehouse holds of it: with only one buyer's invoices loaded, silence towards that
-- buyer looks like silence towards everybody.
WITH pair AS (
    SELECT
        buyer_key,
        seller_key,
        sum(blue_amount) FILTER (WHERE period > period_add($as_of, -12)) AS blue_12,
        sum(blue_amount) FILTER (WHERE period > period_add($as_of, -3)) AS blue_3,
        sum(blue_amount) FILTER (WHERE period <= period_add($as_of, -12)) AS blue_prev,
        sum(blue_amount) FILTER (WHERE period <= period_add($as_of, -3)) AS blue_before_3,
        sum(red_amount - blue_amount) FILTER (WHERE period > period_add($as_of, -12)) AS net_red_12,
        sum(repeat_n) FILTER (WHERE period > period_add($as_of, -12)) AS repeat_n,
        sum(repeat_amount) FILTER (WHERE period > period_add($as_of, -12)) AS repeat_amount
    FROM rollup_trade
    WHERE period > period_add($as_of, -24) AND period <= $as_of AND seller_key <> buyer_key
    GROUP BY buyer_key, seller_key
),
silent AS (
    SELECT taxpayer_key AS silent_key
    FROM rollup_sold
    WHERE period > period_add($as_of, -12) AND period <= $as_of AND sold_valid_n > 0
    GROUP BY taxpayer_key
    HAVING count(*) >= 4 AND max(period) <= period_add($as_of, -3)
)
SELECT
    buyer_key AS taxpayer_key,
    count(*) FILTER (WHERE blue_12 > 0) AS suppliers_12,
    count(*) FILTER (WHERE blue_3 > 0) AS suppliers_3,
    count(*) FILTER (WHERE blue_prev > 0) AS suppliers_prev_12,
    CAST(coalesce(sum(blue_12), 0) AS DECIMAL(28, 2)) AS supplier_blue_12,
    CAST(coalesce(max(blue_12), 0) AS DECIMAL(28, 2)) AS supplier_top1_12,
    CAST(coalesce(top_sum(seller_key, blue_12, 3), 0) AS DECIMAL(28, 2)) AS supplier_top3_12,
    hhi(seller_key, blue_12) AS supplier_hhi_12,
    CAST(coalesce(sum(blue_3), 0) AS DECIMAL(28, 2)) AS supplier_blue_3,
    CAST(coalesce(sum(blue_3) FILTER (WHERE coalesce(blue_before_3, 0) = 0), 0) AS DECIMAL(28, 2)) AS supplier_new_blue_3,
    CAST(coalesce(sum(blue_prev), 0) AS DECIMAL(28, 2)) AS supplier_prev_blue_12,
    CAST(coalesce(sum(blue_prev) FILTER (WHERE coalesce(blue_12, 0) = 0), 0) AS DECIMAL(28, 2)) AS supplier_lost_blue_12,
    count(*) FILTER (WHERE net_red_12 > 0) AS supplier_net_red_n_12,
    CAST(coalesce(sum(net_red_12) FILTER (WHERE net_red_12 > 0), 0) AS DECIMAL(28, 2)) AS supplier_net_red_12,
    coalesce(sum(repeat_n), 0) AS supplier_repeat_n_12,
    CAST(coalesce(sum(repeat_amount), 0) AS DECIMAL(28, 2)) AS supplier_repeat_amount_12,
    count(*) FILTER (WHERE silent_key IS NOT NULL AND blue_12 > 0) AS suppliers_silent_n_12,
    CAST(coalesce(sum(blue_12) FILTER (WHERE silent_key IS NOT NULL), 0) AS DECIMAL(28, 2)) AS supplier_silent_blue_12
FROM pair
LEFT JOIN silent ON silent_key = seller_key
GROUP BY buyer_key
