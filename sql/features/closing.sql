-- closing: what stood open when a registration was ended or revoked, and what was issued after that day. Grain: one row a taxpayer
-- whose registration stands as deregistered or cancelled since a day by $as_of.
-- before_3 are the three months up to the month of the end, before_12 the year before these; credit is the closing credit of the last
-- VAT return by then, inventory and receivables
-- those of the last statement of the four months up to it; after_n counts invoices in force from the day after on.
WITH closed AS (
    SELECT taxpayer_key, status_since, period_of(status_since) AS month
    FROM taxpayer
    WHERE valid_to IS NULL AND status IN ('deregistered', 'cancelled') AND status_since <= period_end($as_of)
),
sold AS (
    SELECT
        c.taxpayer_key,
        sum(r.sold_blue_amount) FILTER (WHERE r.period > period_add(c.month, -3) AND r.period <= c.month) AS before_3,
        sum(r.sold_blue_amount) FILTER (WHERE r.period > period_add(c.month, -15) AND r.period <= period_add(c.month, -3)) AS before_12
    FROM closed AS c JOIN rollup_sold AS r ON r.taxpayer_key = c.taxpayer_key
    GROUP BY c.taxpayer_key
),
issued AS (
    SELECT c.taxpayer_key, count(*) AS n, sum(i.amount) AS amount, sum(i.tax) AS tax, max(CAST(i.issued_at AS DATE)) AS last_on
    FROM closed AS c JOIN invoice AS i ON i.seller_key = c.taxpayer_key
    WHERE i.period >= c.month AND i.period <= $as_of AND i.status <> 'void' AND CAST(i.issued_at AS DATE) > c.status_since
    GROUP BY c.taxpayer_key
),
stated AS (
    SELECT c.taxpayer_key, last_value(f.inventory ORDER BY f.period, f.period_type) AS inventory,
        last_value(f.receivables ORDER BY f.period, f.period_type) AS receivables
    FROM closed AS c JOIN financial_statement AS f ON f.taxpayer_key = c.taxpayer_key
    WHERE f.period > period_add(c.month, -4) AND f.period <= c.month
    GROUP BY c.taxpayer_key
),
returned AS (
    SELECT c.taxpayer_key, last_value(v.closing_credit ORDER BY v.period) AS credit
    FROM closed AS c JOIN vat_return AS v ON v.taxpayer_key = c.taxpayer_key
    WHERE v.form = 'general' AND v.period > period_add(c.month, -12) AND v.period <= c.month
    GROUP BY c.taxpayer_key
)
SELECT
    c.taxpayer_key,
    CAST(period_diff($as_of, c.month) AS BIGINT) AS closing_months_ago,
    CAST(s.before_3 AS DECIMAL(28, 2)) AS closing_sold_3,
    CAST(s.before_12 AS DECIMAL(28, 2)) AS closing_sold_before_12,
    CAST(f.inventory AS DECIMAL(28, 2)) AS closing_inventory,
    CAST(f.receivables AS DECIMAL(28, 2)) AS closing_receivables,
    CAST(r.credit AS DECIMAL(28, 2)) AS closing_credit,
    CASE WHEN i.n IS NOT NULL OR s.taxpayer_key IS NOT NULL THEN coalesce(i.n, 0) END AS closing_after_n,
    CAST(CASE WHEN i.n IS NOT NULL OR s.taxpayer_key IS NOT NULL THEN coalesce(i.amount, 0) END AS DECIMAL(28, 2)) AS closing_after_amount,
    CAST(CASE WHEN i.n IS NOT NULL OR s.taxpayer_key IS NOT NULL THEN coalesce(i.tax, 0) END AS DECIMAL(28, 2)) AS closing_after_tax,
    i.last_on AS closing_last_issued_on
FROM closed AS c
LEFT JOIN sold AS s ON s.taxpayer_key = c.taxpayer_key
LEFT JOIN issued AS i ON i.taxpayer_key = c.taxpayer_key
LEFT JOIN stated AS f ON f.taxpayer_key = c.taxpayer_key
LEFT JOIN returned AS r ON r.taxpayer_key = c.taxpayer_key
