-- continuity: how steadily a taxpayer issued and received over the 36 months ending $as_of, and with how many others.
-- Grain: one row a taxpayer with an invoice in force, either side, in these months.
--
-- 36 months bound the scan and are the period over which unpaid tax is usually pursued (Tax Collection Law, article 52).
-- A month counts when it has an invoice in force; void ones do not make a month. sold_span_36 runs from the first to the
-- last such month, both included, so that a firm that stopped for good is not also "interrupted"; sold_since_36 runs on to
-- $as_of. Both are null for a firm that issued nothing.
-- sold_year_ago_n: of the months since the last issuing, taken a year earlier, those with issuing. 0 means that the firm was
-- as silent at the same time last year: a season. Null where the firm still issues, or was not yet seen issuing a year before it
-- stopped.
-- sold_tail_tax: net tax of the last month with issuing and the two before it. sold_unbought_tax: net tax issued in the
-- months after the last one with anything received; null for a firm that received nothing.
-- customers_36 and suppliers_36 count parties with an id and blue trade, the taxpayer itself left out.
WITH months AS (
    SELECT taxpayer_key, period, CAST(1 AS INT) AS side, sold_tax AS tax
    FROM rollup_sold
    WHERE period > period_add($as_of, -36) AND period <= $as_of AND sold_valid_n > 0
    UNION ALL
    SELECT taxpayer_key, period, CAST(2 AS INT) AS side, bought_tax AS tax
    FROM rollup_bought
    WHERE period > period_add($as_of, -36) AND period <= $as_of AND bought_valid_n > 0
),
ends AS (
    SELECT
        taxpayer_key,
        min(period) FILTER (WHERE side = 1) AS sold_first,
        max(period) FILTER (WHERE side = 1) AS sold_last,
        max(period) FILTER (WHERE side = 2) AS bought_last,
        count(*) FILTER (WHERE side = 1) AS sold_months_36,
        count(*) FILTER (WHERE side = 2) AS bought_months_36
    FROM months
    GROUP BY taxpayer_key
),
tails AS (
    SELECT
        months.taxpayer_key,
        sum(tax) FILTER (WHERE period > period_add(sold_last, -3)) AS sold_tail_tax,
        sum(tax) FILTER (WHERE period > bought_last) AS sold_unbought_tax,
        count(*) FILTER (WHERE period > period_add(sold_last, -12) AND period <= period_add($as_of, -12)) AS year_ago_n
    FROM months
    JOIN ends ON ends.taxpayer_key = months.taxpayer_key
    WHERE side = 1
    GROUP BY months.taxpayer_key
),
pair AS (
    SELECT seller_key, buyer_key, sum(blue_amount) AS blue_36
    FROM rollup_trade
    WHERE period > period_add($as_of, -36) AND period <= $as_of AND blue_amount > 0 AND seller_key <> buyer_key
    GROUP BY seller_key, buyer_key
),
customers AS (
    SELECT seller_key, count(*) AS customers_36, sum(blue_36) AS customer_blue_36 FROM pair GROUP BY seller_key
),
suppliers AS (
    SELECT buyer_key, count(*) AS suppliers_36 FROM pair GROUP BY buyer_key
)
SELECT
    ends.taxpayer_key,
    sold_months_36,
    bought_months_36,
    CAST(period_diff(sold_last, sold_first) + 1 AS BIGINT) AS sold_span_36,
    CAST(period_diff($as_of, sold_first) + 1 AS BIGINT) AS sold_since_36,
    CASE WHEN sold_last < $as_of AND sold_first <= period_add(sold_last, -12) THEN year_ago_n END AS sold_year_ago_n,
    CAST(sold_tail_tax AS DECIMAL(28, 2)) AS sold_tail_tax,
    CAST(CASE WHEN bought_last IS NOT NULL THEN coalesce(sold_unbought_tax, 0) END AS DECIMAL(28, 2)) AS sold_unbought_tax,
    coalesce(customers_36, 0) AS customers_36,
    CAST(coalesce(customer_blue_36, 0) AS DECIMAL(28, 2)) AS customer_blue_36,
    coalesce(suppliers_36, 0) AS suppliers_36
FROM ends
LEFT JOIN tails ON tails.taxpayer_key = ends.taxpayer_key
LEFT JOIN customers ON customers.seller_key = ends.taxpayer_key
LEFT JOIN suppliers ON suppliers.buyer_key = ends.taxpayer_key
