-- owner_shops: the individual businesses and partnerships of one owner (the same legal representative), and what they invoiced over
-- the 12 months ending $as_of. Grain: one row a taxpayer of these kinds in normal state whose owner is known.
-- Only those that invoiced something count. Sales without invoices are not known here.
WITH sold AS (
    SELECT taxpayer_key, sum(sold_amount) AS amount
    FROM rollup_sold
    WHERE period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key
),
shops AS (
    SELECT t.taxpayer_key, t.legal_rep_key, sold.amount
    FROM taxpayer AS t
    LEFT JOIN sold ON sold.taxpayer_key = t.taxpayer_key
    WHERE t.valid_to IS NULL AND t.status = 'normal' AND t.kind IN ('individual_business', 'partnership') AND t.legal_rep_key IS NOT NULL
),
owners AS (
    SELECT
        legal_rep_key,
        count(*) FILTER (WHERE amount > 0) AS n,
        coalesce(sum(amount), 0) AS amount,
        max(amount) AS largest
    FROM shops
    GROUP BY legal_rep_key
)
SELECT
    shops.taxpayer_key,
    CAST(owners.n AS BIGINT) AS owner_shops_n,
    owners.amount AS owner_shops_amount,
    owners.largest AS owner_shops_largest,
    shops.amount AS owner_shops_own
FROM shops
JOIN owners ON owners.legal_rep_key = shops.legal_rep_key
