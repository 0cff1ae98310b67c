-- Invoices issued and received in the twelve months up to $as_of. Grain: one row a month with any. Amounts are net of reds and without
-- what was voided; shares are of all invoices of the month.
SELECT
    coalesce(s.period, b.period) AS period,
    s.sold_n,
    s.sold_amount,
    s.sold_tax,
    CAST(s.sold_void_n AS DOUBLE) / nullif(s.sold_n, 0) AS sold_void_share,
    CAST(s.sold_red_n AS DOUBLE) / nullif(s.sold_n, 0) AS sold_red_share,
    b.bought_n,
    b.bought_amount,
    b.bought_tax,
    CAST(b.bought_void_n AS DOUBLE) / nullif(b.bought_n, 0) AS bought_void_share,
    CAST(b.bought_red_n AS DOUBLE) / nullif(b.bought_n, 0) AS bought_red_share
FROM (SELECT * FROM rollup_sold WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of) AS s
FULL JOIN (SELECT * FROM rollup_bought WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of) AS b ON b.period = s.period
ORDER BY 1
