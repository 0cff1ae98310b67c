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
seller AS (
    SELECT
        t.industry_code,
        c.class,
        row_number() OVER (PARTITION BY c.taxpayer_key ORDER BY c.class) = 1 AS is_first
    FROM class AS c
    JOIN taxpayer AS t ON t.taxpayer_key = c.taxpayer_key AND t.valid_to IS NULL AND t.industry_code IS NOT NULL
    WHERE c.sold > 0
),
-- Each seller counts once in its industry: with its first class.
usual AS (
    SELECT industry_code, class, count(*) AS sellers, count(*) FILTER (WHERE is_first) AS firsts FROM seller GROUP BY industry_code, class
),
strange AS (
    SELECT
        industry_code,
        class,
        sellers * 20 < sum(firsts) OVER (PARTITION BY industry_code) AS is_alien,
        sum(firsts) OVER (PARTITION BY industry_code) >= 20 AS is_known
    FROM usual
),
-- Classes are counted from the lines twice, for what is usual and here, and nowhere else.
wide AS (
    SELECT
        c.taxpayer_key,
        left(c.class, 5) AS class,
        sum(c.sold) AS sold,
        sum(c.bought) AS bought,
        sum(c.sold_n) AS sold_n,
        sum(c.bought_n) AS bought_n,
        sum(c.sold * c.bought) AS dot,
        sum(c.sold * c.sold) AS sold_square,
        sum(c.bought * c.bought) AS bought_square,
        sum(CASE WHEN s.is_alien THEN c.sold ELSE 0 END) FILTER (WHERE s.is_known AND c.sold > 0) AS alien
    FROM class AS c
    LEFT JOIN taxpayer AS t ON t.taxpayer_key = c.taxpayer_key AND t.valid_to IS NULL
    LEFT JOIN strange AS s ON s.industry_code = t.industry_code AND s.class = c.class
    GROUP BY c.taxpayer_key, left(c.class, 5)
),
vector AS (
    SELECT
        taxpayer_key,
        sum(sold) AS sold,
        sum(bought) AS bought,
        sum(sold_n) AS sold_n,
        sum(bought_n) AS bought_n,
        sum(dot) AS dot,
        sum(sold_square) AS sold_square,
        sum(bought_square) AS bought_square,
        sum(sold) FILTER (WHERE bought = 0) AS unbought,
        sum(bought) FILTER (WHERE sold = 0) AS unsold,
        sum(alien) AS alien
    FROM wide
    GROUP BY taxpayer_key
)
SELECT
    taxpayer_key,
    CAST(sold AS DECIMAL(28, 2)) AS goods_classes_sold,
    CAST(bought AS DECIMAL(28, 2)) AS goods_classes_bought,
    CAST(sold_n AS BIGINT) AS goods_classes_sold_lines,
    CAST(bought_n AS BIGINT) AS goods_classes_bought_lines,
    CASE WHEN sold_square > 0 AND bought_square > 0 THEN CAST(dot AS DOUBLE) / sqrt(CAST(sold_square AS DOUBLE)) / sqrt(CAST(bought_square AS DOUBLE)) END AS goods_classes_likeness,
    CAST(coalesce(unbought, 0) AS DECIMAL(28, 2)) AS goods_classes_wide_unbought,
    CAST(coalesce(unsold, 0) AS DECIMAL(28, 2)) AS goods_classes_wide_unsold,
    CAST(alien AS DECIMAL(28, 2)) AS goods_classes_alien
FROM vector
