-- mutual: taxpayers who sell to each other, and taxpayers who invoice themselves, over the 12 months ending $as_of.
-- Grain: one row a taxpayer with at least one such partner (itself included).
--
-- Each unordered pair is aggregated once and then given to both sides. mutual_ratio_12 is the most balanced of the partners
-- with at least 100,000 yuan both ways: the smaller direction over the larger one; null when there is none of that size.
WITH pair AS (
    SELECT
        least(seller_key, buyer_key) AS low_key,
        greatest(seller_key, buyer_key) AS high_key,
        sum(blue_amount) FILTER (WHERE seller_key < buyer_key) AS up,
        sum(blue_amount) FILTER (WHERE seller_key > buyer_key) AS down,
        sum(n - void_n) FILTER (WHERE seller_key = buyer_key) AS self_n,
        sum(blue_amount) FILTER (WHERE seller_key = buyer_key) AS self_amount
    FROM rollup_trade
    WHERE period > period_add($as_of, -12) AND period <= $as_of
    GROUP BY least(seller_key, buyer_key), greatest(seller_key, buyer_key)
    HAVING (sum(blue_amount) FILTER (WHERE seller_key < buyer_key) > 0
            AND sum(blue_amount) FILTER (WHERE seller_key > buyer_key) > 0)
        OR sum(n - void_n) FILTER (WHERE seller_key = buyer_key) > 0
),
sides AS (
    SELECT
        CASE WHEN side = 1 THEN low_key ELSE high_key END AS taxpayer_key,
        least(up, down) AS smaller,
        greatest(up, down) AS larger,
        self_n,
        self_amount
    FROM pair
    CROSS JOIN (VALUES (1), (2)) AS side (side)
    WHERE side = 1 OR low_key <> high_key
)
SELECT
    taxpayer_key,
    count(smaller) AS mutual_partners_12,
    CAST(coalesce(sum(smaller), 0) AS DECIMAL(28, 2)) AS mutual_min_amount_12,
    CAST(coalesce(max(smaller), 0) AS DECIMAL(28, 2)) AS mutual_top_amount_12,
    max(CAST(smaller AS DOUBLE) / nullif(CAST(larger AS DOUBLE), 0)) FILTER (WHERE smaller >= 100000) AS mutual_ratio_12,
    coalesce(sum(self_n), 0) AS self_issued_n_12,
    CAST(coalesce(sum(self_amount), 0) AS DECIMAL(28, 2)) AS self_issued_amount_12
FROM sides
GROUP BY taxpayer_key
