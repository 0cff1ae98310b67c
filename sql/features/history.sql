-- history: since when and until when a taxpayer issued and received, as seen in this warehouse by $as_of.
-- Grain: one row a taxpayer that stands on any invoice, either side, up to $as_of.
--
-- zero_if_invoiced is 0 for every such taxpayer: `coalesce(trailing(sold_n, 12), zero_if_invoiced)` then says "none" for a firm
-- we have invoices of, and "unknown" for one we have none of.
-- *_age_months is the number of months since the first invoice in force. An older start may lie before the first month loaded,
-- so for a first invoice within the first three months of the data it stays null until a year has passed (after that
-- the firm is certainly a year old). sold_gap_months: whole months without issuing right before the issuing of the last
-- three months; null when nothing was issued in these three months or nothing before them.
WITH months AS (
    SELECT taxpayer_key, period, CAST(1 AS INT) AS side, sold_valid_n AS valid_n FROM rollup_sold WHERE period <= $as_of
    UNION ALL
    SELECT taxpayer_key, period, CAST(2 AS INT) AS side, bought_valid_n AS valid_n FROM rollup_bought WHERE period <= $as_of
),
seen AS (
    SELECT
        taxpayer_key,
        CAST(min(period) FILTER (WHERE side = 1 AND valid_n > 0) AS INT) AS sold_first_period,
        CAST(max(period) FILTER (WHERE side = 1 AND valid_n > 0) AS INT) AS sold_last_period,
        CAST(min(period) FILTER (WHERE side = 2 AND valid_n > 0) AS INT) AS bought_first_period,
        CAST(max(period) FILTER (WHERE side = 2 AND valid_n > 0) AS INT) AS bought_last_period,
        CAST(max(period) FILTER (WHERE side = 1 AND valid_n > 0 AND period <= period_add($as_of, -3)) AS INT) AS sold_before,
        CAST(min(period) FILTER (WHERE side = 1 AND valid_n > 0 AND period > period_add($as_of, -3)) AS INT) AS sold_again
    FROM months
    GROUP BY taxpayer_key
),
edge AS (
    SELECT min(period) AS first_loaded FROM rollup_sold
)
SELECT
    taxpayer_key,
    CAST(0 AS BIGINT) AS zero_if_invoiced,
    sold_first_period,
    sold_last_period,
    bought_first_period,
    bought_last_period,
    CAST(CASE WHEN period_diff($as_of, sold_first_period) >= 12 OR sold_first_period > period_add(first_loaded, 2)
        THEN period_diff($as_of, sold_first_period) END AS BIGINT) AS sold_age_months,
    CAST(CASE WHEN period_diff($as_of, bought_first_period) >= 12 OR bought_first_period > period_add(first_loaded, 2)
        THEN period_diff($as_of, bought_first_period) END AS BIGINT) AS bought_age_months,
    CAST(period_diff(sold_again, sold_before) - 1 AS BIGINT) AS sold_gap_months
FROM seen
CROSS JOIN edge
