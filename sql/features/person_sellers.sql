-- person_sellers: purchases from natural persons (their ids are kept as NP and a number) over the 12 months ending $as_of, farm
-- produce and used cars apart. Grain: one row a buyer with such purchases.
-- limit_*: the natural person's sales to all buyers of the warehouse exceed 5,000,000 yuan before tax in the 12 months.
WITH sale AS (
    SELECT seller_key, buyer_key, amount, tax
    FROM invoice
    WHERE seller_id LIKE 'NP%' AND kind NOT IN ('agri_purchase', 'agri_own', 'used_car', 'customs') AND status <> 'void'
        AND period > period_add($as_of, -12) AND period <= $as_of
),
person AS (
    SELECT seller_key, sum(amount) AS amount FROM sale GROUP BY seller_key
)
SELECT
    s.buyer_key AS taxpayer_key,
    count(*) AS person_sellers_n,
    CAST(sum(s.amount) AS DECIMAL(28, 2)) AS person_sellers_amount,
    count(DISTINCT s.seller_key) AS person_sellers_persons,
    CAST(max(p.amount) AS DECIMAL(28, 2)) AS person_sellers_top,
    count(DISTINCT s.seller_key) FILTER (WHERE p.amount > 5000000) AS person_sellers_over_n,
    CAST(coalesce(sum(s.amount) FILTER (WHERE p.amount > 5000000), 0) AS DECIMAL(28, 2)) AS person_sellers_over_amount
FROM sale AS s
JOIN person AS p ON p.seller_key = s.seller_key
WHERE s.buyer_key IS NOT NULL
GROUP BY s.buyer_key
