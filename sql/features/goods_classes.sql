-- goods_classes: what a taxpayer sold against what it bought, by class of the goods code, over the 12 months ending $as_of. Grain: one row
-- a taxpayer with lines of goods (codes that begin with 1; services, labour, intangibles and real estate are left out) sold or bought.
-- A class is the first seven digits of the code (节); wide_ figures take the first five (章). Reds count with their sign, and a class
-- whose sum is not above nothing counts for nothing. Lines of void invoices are in, those of a taxpayer to itself are not.
-- unbought: sold in classes of which nothing was bought; unsold: bought in classes of which nothing was sold. likeness: cosine of
-- the two vectors of amounts, null where either side is empty. alien: sold in classes that less than a twentieth of the sellers of the
-- same industry (four digits) sell; null where that industry has fewer than 20 sellers of goods.
WITH side AS (
    SELECT
        taxpayer_key,
        left(goods_code, 7) AS class,
        goods_sold_amount - goods_sold_own_amount AS sold,
        0 AS bought,
        goods_sold_n - goods_sold_own_n AS sold_n,
        0 AS bought_n
    FROM rollup_goods_sold
    WHERE period > period_add($as_of, -12) AND period <= $as_of AND goods_code LIKE '1%' AND goods_sold_n > goods_sold_own_n
    UNION ALL
    SELECT taxpayer_key, left(goods_code, 7), 0, goods_bought_amount - goods_bought_own_amount, 0, goods_bought_n - goods_bought_own_n
    FROM rollup_goods_bought
    WHERE period > period_add($as_of, -12) AND period <= $as_of AND goods_code LIKE '1%' AND goods_bought_n > goods_bought_own_n
),
class AS (
    SELECT
        taxpayer_key,
        class,
        greatest(sum(sold), 0) AS sold,
        greatest(sum(bought), 0) AS bought,
        sum(sold_n) AS sold_n,
        sum(bought_n) AS bought_n
    FROM side
    GROUP BY taxpayer_key, class
),
wide AS (
    SELECT taxpayer_key, sum(sold) FILTER (WHERE bought = 0) AS unbought, sum(bought) FILTER (WHERE sold = 0) AS unsold
    FROM (SELECT taxpayer_key, left(class, 5) AS class, sum(sold) AS sold, sum(bought) AS bought FROM class GROUP BY taxpayer_key, left(class, 5)) AS c
    GROUP BY taxpayer_key
),
seller AS (
    SELECT c.taxpayer_key, t.industry_code, c.class, c.sold
    FROM class AS c
    JOIN taxpayer AS t ON t.taxpayer_key = c.taxpayer_key AND t.valid_to IS NULL AND t.industry_code IS NOT NULL
    WHERE c.sold > 0
),
trade AS (
    SELECT industry_code, count(DISTINCT taxpayer_key) AS sellers FROM seller GROUP BY industry_code
),
usual AS (
    SELECT industry_code, class, count(*) AS sellers FROM seller GROUP BY industry_code, class
),
alien AS (
    SELECT s.taxpayer_key, sum(CASE WHEN u.sellers * 20 < t.sellers THEN s.sold ELSE 0 END) AS amount
    FROM seller AS s
    JOIN trade AS t ON t.industry_code = s.industry_code AND t.sellers >= 20
    JOIN usual AS u ON u.industry_code = s.industry_code AND u.class = s.class
    GROUP BY s.taxpayer_key
),
vector AS (
    SELECT
        taxpayer_key,
        sum(sold) AS sold,
        sum(bought) AS bought,
        sum(sold_n) AS sold_n,
        sum(bought_n) AS bought_n,
        sum(sold * bought) AS dot,
        sum(sold * sold) AS sold_square,
        sum(bought * bought) AS bought_square
    FROM class
    GROUP BY taxpayer_key
)
SELECT
    v.taxpayer_key,
    CAST(v.sold AS DECIMAL(28, 2)) AS goods_classes_sold,
    CAST(v.bought AS DECIMAL(28, 2)) AS goods_classes_bought,
    CAST(v.sold_n AS BIGINT) AS goods_classes_sold_lines,
    CAST(v.bought_n AS BIGINT) AS goods_classes_bought_lines,
    CASE WHEN v.sold_square > 0 AND v.bought_square > 0 THEN CAST(v.dot AS DOUBLE) / sqrt(CAST(v.sold_square AS DOUBLE)) / sqrt(CAST(v.bought_square AS DOUBLE)) END AS goods_classes_likeness,
    CAST(coalesce(w.unbought, 0) AS DECIMAL(28, 2)) AS goods_classes_wide_unbought,
    CAST(coalesce(w.unsold, 0) AS DECIMAL(28, 2)) AS goods_classes_wide_unsold,
    CAST(a.amount AS DECIMAL(28, 2)) AS goods_classes_alien
FROM vector AS v
LEFT JOIN wide AS w ON w.taxpayer_key = v.taxpayer_key
LEFT JOIN alien AS a ON a.taxpayer_key = v.taxpayer_key
