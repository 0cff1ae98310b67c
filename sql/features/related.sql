-- related: sales to and purchases from related parties over the 12 months ending $as_of. Grain: one row a taxpayer with trade in that time.
--
-- Related: seller and buyer have the same legal representative, or one natural person stands in both as legal representative or as a
-- holder of at least 25 percent, or one holds at least 25 percent of the other, or one company holds that much of both. Registrations
-- in force; holdings as of $as_of. Control by contract, by family or over several steps is not seen, so the figures are a lower bound.
WITH trade AS (
    SELECT seller_key, buyer_key, sum(blue_amount) AS amount
    FROM rollup_trade
    WHERE period > period_add($as_of, -12) AND period <= $as_of AND seller_key <> buyer_key
    GROUP BY seller_key, buyer_key
),
held AS (
    SELECT taxpayer_key, holder_key, holder_person_key
    FROM shareholder
    WHERE share >= 0.25 AND (valid_from IS NULL OR valid_from <= period_end($as_of)) AND (valid_to IS NULL OR valid_to > period_end($as_of))
),
person AS (
    SELECT taxpayer_key, legal_rep_key AS person_key FROM taxpayer WHERE valid_to IS NULL AND legal_rep_key IS NOT NULL
    UNION
    SELECT taxpayer_key, holder_person_key FROM held WHERE holder_person_key IS NOT NULL
),
company AS (
    SELECT taxpayer_key, holder_key FROM held WHERE holder_key IS NOT NULL
),
linked AS (
    SELECT t.seller_key, t.buyer_key
    FROM trade AS t
    JOIN person AS a ON a.taxpayer_key = t.seller_key
    JOIN person AS b ON b.taxpayer_key = t.buyer_key AND b.person_key = a.person_key
    UNION
    SELECT t.seller_key, t.buyer_key FROM trade AS t JOIN company AS c ON c.taxpayer_key = t.buyer_key AND c.holder_key = t.seller_key
    UNION
    SELECT t.seller_key, t.buyer_key FROM trade AS t JOIN company AS c ON c.taxpayer_key = t.seller_key AND c.holder_key = t.buyer_key
    UNION
    SELECT t.seller_key, t.buyer_key
    FROM trade AS t
    JOIN company AS a ON a.taxpayer_key = t.seller_key
    JOIN company AS b ON b.taxpayer_key = t.buyer_key AND b.holder_key = a.holder_key
),
marked AS (
    SELECT t.seller_key, t.buyer_key, t.amount, l.seller_key IS NOT NULL AND t.amount > 0 AS is_related
    FROM trade AS t
    LEFT JOIN linked AS l ON l.seller_key = t.seller_key AND l.buyer_key = t.buyer_key
),
sides AS (
    SELECT seller_key AS taxpayer_key, true AS selling, amount, is_related FROM marked
    UNION ALL
    SELECT buyer_key AS taxpayer_key, false AS selling, amount, is_related FROM marked
)
SELECT
    taxpayer_key,
    count(*) FILTER (WHERE is_related AND selling) AS related_customers_12,
    CAST(coalesce(sum(amount) FILTER (WHERE is_related AND selling), 0) AS DECIMAL(28, 2)) AS related_sales_12,
    count(*) FILTER (WHERE is_related AND NOT selling) AS related_suppliers_12,
    CAST(coalesce(sum(amount) FILTER (WHERE is_related AND NOT selling), 0) AS DECIMAL(28, 2)) AS related_purchases_12
FROM sides
GROUP BY taxpayer_key
