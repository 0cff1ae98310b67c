-- customers: to whom a taxpayer sold, over the months ending $as_of. Grain: one row a seller with trade in the last 24 months.
--
-- A customer is a buyer with an id; sales to consumers are in none of these figures. Amounts are blue (before reds) unless said
-- otherwise. "New" means no trade with this seller in the 21 months before the last three: looking back two years bounds the
-- scan, and a customer who returns after so long is new for the purpose. customer_prev_* cover the 12 months before the last
-- 12; customer_lost_blue_12 is what customers bought then who bought nothing since.
-- customer_net_red_*: pairs whose reds exceed their blues over the 12 months. customer_prior_year_red: the same over the
-- calendar year up to $as_of, and so the least amount of reds that must reverse invoices of an earlier year.
WITH pair AS (
    SELECT
        seller_key,
        buyer_key,
        sum(blue_amount) FILTER (WHERE period > period_add($as_of, -12)) AS blue_12,
        sum(blue_amount) FILTER (WHERE period > period_add($as_of, -3)) AS blue_3,
        sum(blue_amount) FILTER (WHERE period <= period_add($as_of, -12)) AS blue_prev,
        sum(blue_amount) FILTER (WHERE period <= period_add($as_of, -3)) AS blue_before_3,
        sum(red_amount - blue_amount) FILTER (WHERE period > period_add($as_of, -12)) AS net_red_12,
        sum(red_amount - blue_amount) FILTER (WHERE period / 100 = $as_of / 100) AS net_red_year,
        sum(repeat_n) FILTER (WHERE period > period_add($as_of, -12)) AS repeat_n,
        sum(repeat_amount) FILTER (WHERE period > period_add($as_of, -12)) AS repeat_amount
    FROM rollup_trade
    WHERE period > period_add($as_of, -24) AND period <= $as_of AND seller_key <> buyer_key
    GROUP BY seller_key, buyer_key
)
SELECT
    seller_key AS taxpayer_key,
    count(*) FILTER (WHERE blue_12 > 0) AS customers_12,
    count(*) FILTER (WHERE blue_prev > 0) AS customers_prev_12,
    CAST(coalesce(sum(blue_12), 0) AS DECIMAL(28, 2)) AS customer_blue_12,
    CAST(coalesce(max(blue_12), 0) AS DECIMAL(28, 2)) AS customer_top1_12,
    CAST(coalesce(top_sum(buyer_key, blue_12, 3), 0) AS DECIMAL(28, 2)) AS customer_top3_12,
    hhi(buyer_key, blue_12) AS customer_hhi_12,
    CAST(coalesce(sum(blue_3), 0) AS DECIMAL(28, 2)) AS customer_blue_3,
    CAST(coalesce(sum(blue_3) FILTER (WHERE coalesce(blue_before_3, 0) = 0), 0) AS DECIMAL(28, 2)) AS customer_new_blue_3,
    CAST(coalesce(sum(blue_prev), 0) AS DECIMAL(28, 2)) AS customer_prev_blue_12,
    CAST(coalesce(sum(blue_prev) FILTER (WHERE coalesce(blue_12, 0) = 0), 0) AS DECIMAL(28, 2)) AS customer_lost_blue_12,
    count(*) FILTER (WHERE net_red_12 > 0) AS customer_net_red_n_12,
    CAST(coalesce(sum(net_red_12) FILTER (WHERE net_red_12 > 0), 0) AS DECIMAL(28, 2)) AS customer_net_red_12,
    CAST(coalesce(sum(net_red_year) FILTER (WHERE net_red_year > 0), 0) AS DECIMAL(28, 2)) AS customer_prior_year_red,
    coalesce(sum(repeat_n), 0) AS customer_repeat_n_12,
    CAST(coalesce(sum(repeat_amount), 0) AS DECIMAL(28, 2)) AS customer_repeat_amount_12
FROM pair
GROUP BY seller_key
