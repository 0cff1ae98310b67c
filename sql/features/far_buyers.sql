-- far_buyers: sales to buyers of other provinces over the 12 months ending $as_of. Grain: one row a seller with a province and trade.
-- A buyer's province is that of its registration, or else the 3rd and 4th character of its unified social credit code; buyers with
-- neither (persons, old numbers) are in all but not in known.
WITH place AS (
    SELECT
        p.party_key,
        coalesce(left(t.region_code, 2), CASE WHEN uscc_valid(p.party_id) THEN substr(p.party_id, 3, 2) END) AS province
    FROM party AS p
    LEFT JOIN taxpayer AS t ON t.taxpayer_key = p.party_key AND t.valid_to IS NULL
),
trade AS (
    SELECT seller_key, buyer_key, sum(blue_amount) AS blue
    FROM rollup_trade
    WHERE period > period_add($as_of, -12) AND period <= $as_of AND seller_key <> buyer_key AND blue_amount > 0
    GROUP BY seller_key, buyer_key
)
SELECT
    t.seller_key AS taxpayer_key,
    CAST(sum(t.blue) AS DECIMAL(28, 2)) AS far_buyers_all,
    CAST(coalesce(sum(t.blue) FILTER (WHERE b.province IS NOT NULL), 0) AS DECIMAL(28, 2)) AS far_buyers_known,
    CAST(coalesce(sum(t.blue) FILTER (WHERE b.province <> s.province), 0) AS DECIMAL(28, 2)) AS far_buyers_blue,
    count(*) FILTER (WHERE b.province <> s.province) AS far_buyers_n
FROM trade AS t
JOIN place AS s ON s.party_key = t.seller_key AND s.province IS NOT NULL
LEFT JOIN place AS b ON b.party_key = t.buyer_key
GROUP BY t.seller_key
