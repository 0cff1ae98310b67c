-- rollup_trade: who sold to whom in a month. Grain: one row a (seller, buyer, month of issue) with at least one invoice.
--
-- Meaning
--   Words as in rollup_sold: in force = not void, red = in force and amount < 0, blue = in force and amount >= 0;
--   amount and tax are net, red_amount is positive.
--   repeat_n, repeat_amount: blue invoices that stand in a group of at least three with the same total (tax included) between
--   the same two parties in the month, and their amount before tax.
-- Caveats
--   Invoices to consumers (no buyer_key) are not trade between two known parties and have no row here.
--   A series that runs over the end of a month is counted in each month by itself.
--   A seller that is its own buyer has a row: it is a finding, not an error.
-- Two levels: invoice -> (pair, total) -> pair.
WITH by_total AS (
    SELECT
        seller_key,
        buyer_key,
        period,
        total,
        count(*) AS n,
        count(*) FILTER (WHERE status = 'void') AS void_n,
        count(*) FILTER (WHERE status <> 'void' AND amount >= 0) AS blue_n,
        sum(amount) FILTER (WHERE status <> 'void') AS amount,
        sum(tax) FILTER (WHERE status <> 'void') AS tax,
        sum(amount) FILTER (WHERE status <> 'void' AND amount >= 0) AS blue_amount,
        sum(-amount) FILTER (WHERE status <> 'void' AND amount < 0) AS red_amount
    FROM invoice
    WHERE buyer_key IS NOT NULL
    GROUP BY seller_key, buyer_key, period, total
)
SELECT
    seller_key,
    buyer_key,
    period,
    sum(n) AS n,
    sum(void_n) AS void_n,
    CAST(coalesce(sum(amount), 0) AS DECIMAL(28, 2)) AS amount,
    CAST(coalesce(sum(tax), 0) AS DECIMAL(28, 2)) AS tax,
    CAST(coalesce(sum(blue_amount), 0) AS DECIMAL(28, 2)) AS blue_amount,
    CAST(coalesce(sum(red_amount), 0) AS DECIMAL(28, 2)) AS red_amount,
    coalesce(sum(blue_n) FILTER (WHERE blue_n >= 3 AND total > 0), 0) AS repeat_n,
    CAST(coalesce(sum(blue_amount) FILTER (WHERE blue_n >= 3 AND total > 0), 0) AS DECIMAL(28, 2)) AS repeat_amount
FROM by_total
GROUP BY seller_key, buyer_key, period
