-- trade_income: how the trade does by its yearly returns of income tax, for the year of a taxpayer's own last return and the year before.
-- Grain: one row a taxpayer with a yearly return for a year that ended by $as_of and an industry code.
--
-- The trade is the major class (letter and two digits), all regions and sizes, returns with revenue of at least 500,000 yuan; the taxpayer
-- itself is one of them. Quartile and median are order statistics (the lower one of two), so that they do not depend on the order of rows.
WITH yearly AS (
    SELECT
        r.taxpayer_key,
        r.period,
        substr(t.industry_code, 1, 3) AS trade,
        CASE WHEN r.revenue >= 500000 THEN CAST(r.profit AS DOUBLE) / CAST(r.revenue AS DOUBLE) END AS margin,
        CASE WHEN r.revenue >= 500000 THEN CAST(r.revenue - r.cost AS DOUBLE) / CAST(r.revenue AS DOUBLE) END AS gross,
        CASE WHEN r.revenue >= 500000 THEN CAST(r.tax_due AS DOUBLE) / CAST(r.revenue AS DOUBLE) END AS burden
    FROM cit_return AS r
    JOIN taxpayer AS t ON t.taxpayer_key = r.taxpayer_key AND t.valid_to IS NULL
    WHERE r.period_type = 'Y' AND r.period <= $as_of AND r.period > $as_of - 400 AND t.industry_code IS NOT NULL
),
ranked AS (
    SELECT
        trade,
        period,
        margin,
        gross,
        burden,
        row_number() OVER (PARTITION BY trade, period ORDER BY margin NULLS LAST) AS margin_rank,
        row_number() OVER (PARTITION BY trade, period ORDER BY gross NULLS LAST) AS gross_rank,
        row_number() OVER (PARTITION BY trade, period ORDER BY burden NULLS LAST) AS burden_rank,
        count(margin) OVER (PARTITION BY trade, period) AS margin_n,
        count(gross) OVER (PARTITION BY trade, period) AS gross_n,
        count(burden) OVER (PARTITION BY trade, period) AS burden_n
    FROM yearly
),
figures AS (
    SELECT
        trade,
        period,
        max(margin_n) AS n,
        max(margin) FILTER (WHERE margin_rank <= greatest((margin_n + 3) / 4, 1)) AS margin_q1,
        max(margin) FILTER (WHERE margin_rank <= greatest((margin_n + 1) / 2, 1)) AS margin_median,
        max(gross) FILTER (WHERE gross_rank <= greatest((gross_n + 1) / 2, 1)) AS gross_median,
        max(burden) FILTER (WHERE burden_rank <= greatest((burden_n + 1) / 2, 1)) AS burden_median
    FROM ranked
    GROUP BY trade, period
),
latest AS (
    SELECT taxpayer_key, trade, max(period) AS last FROM yearly GROUP BY taxpayer_key, trade
)
SELECT
    l.taxpayer_key,
    CAST(f.n AS BIGINT) AS trade_income_n,
    f.margin_q1 AS trade_income_margin_q1,
    f.margin_median AS trade_income_margin_median,
    f.gross_median AS trade_income_gross_median,
    f.burden_median AS trade_income_burden_median,
    p.margin_median AS trade_income_prev_margin_median
FROM latest AS l
JOIN figures AS f ON f.trade = l.trade AND f.period = l.last
LEFT JOIN figures AS p ON p.trade = l.trade AND p.period = l.last - 100
