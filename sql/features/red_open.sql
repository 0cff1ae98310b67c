-- red_open: reds after which the same buyer got no blue invoice any more, over the 12 months before $as_of.
-- Grain: one row a seller with such reds.
--
-- A red of month m is closed by any blue invoice to the same buyer in m or m + 1, and the original of a red of the same month
-- closes it too: monthly pairs cannot tell the two apart, so the figure errs on the side of the taxpayer. $as_of
-- itself is left out, because its next month is not known yet.
WITH red AS (
    SELECT seller_key, buyer_key, period, red_amount
    FROM rollup_trade
    WHERE red_amount > 0 AND period >= period_add($as_of, -12) AND period < $as_of
)
SELECT
    seller_key AS taxpayer_key,
    count(*) AS red_open_n_12,
    CAST(sum(red_amount) AS DECIMAL(28, 2)) AS red_open_amount_12
FROM red
WHERE NOT EXISTS (
    SELECT 1
    FROM rollup_trade AS blue
    WHERE blue.seller_key = red.seller_key
        AND blue.buyer_key = red.buyer_key
        AND blue.blue_amount > 0
        AND blue.period >= period_add($as_of, -12)
        AND blue.period <= $as_of
        AND blue.period >= red.period
        AND blue.period <= period_add(red.period, 1)
)
GROUP BY seller_key
