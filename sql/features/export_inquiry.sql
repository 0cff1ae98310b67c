-- export_inquiry: suppliers behind export refunds whom the inquiry rules suggest to ask about, as of $as_of.
-- Grain: one row a taxpayer with a claim in the six months ending $as_of.
-- A supplier counts when one of these holds: (2) new (in no claim of the 18 months before the six) and its refunds of six months exceed
-- 500,000; (3) refunds of the month exceed 500,000 and twice those of the month before; (4) it stands behind more than 100,000
-- of refunds in chapters the exporter had not claimed before, where these come to 500,000 in all.
-- The condition on ratings of exporter, supplier and goods (1) cannot be told. Who is new before the first loaded month cannot be told
-- either: the count is null in the first 18 months of the data.
WITH claim AS (
    SELECT e.taxpayer_key, e.period, left(e.hs_code, 2) AS chapter, i.seller_key, e.refund
    FROM export_refund AS e
    JOIN (SELECT invoice_id, seller_key FROM invoice WHERE invoice_id IN (SELECT input_invoice_id FROM export_refund)) AS i
        ON i.invoice_id = e.input_invoice_id
    WHERE e.period > period_add($as_of, -24) AND e.period <= $as_of AND i.seller_key <> e.taxpayer_key
),
known AS (
    SELECT DISTINCT taxpayer_key, chapter FROM claim WHERE period <= period_add($as_of, -6)
),
fresh AS (
    SELECT c.taxpayer_key, c.seller_key, sum(c.refund) AS refund
    FROM claim AS c LEFT JOIN known AS k ON k.taxpayer_key = c.taxpayer_key AND k.chapter = c.chapter
    WHERE c.period > period_add($as_of, -6) AND k.chapter IS NULL
    GROUP BY c.taxpayer_key, c.seller_key
),
fresh_all AS (
    SELECT taxpayer_key, sum(refund) AS refund FROM fresh GROUP BY taxpayer_key
),
pair AS (
    SELECT
        taxpayer_key,
        seller_key,
        coalesce(sum(refund) FILTER (WHERE period > period_add($as_of, -6)), 0) AS refund_6,
        count(*) FILTER (WHERE period <= period_add($as_of, -6)) AS before_n,
        coalesce(sum(refund) FILTER (WHERE period = $as_of), 0) AS refund_now,
        coalesce(sum(refund) FILTER (WHERE period = period_add($as_of, -1)), 0) AS refund_last
    FROM claim GROUP BY taxpayer_key, seller_key
),
marked AS (
    SELECT
        p.taxpayer_key,
        p.refund_6,
        (p.before_n = 0 AND p.refund_6 > 500000)
            OR (p.refund_now > 500000 AND p.refund_now > 2 * p.refund_last)
            OR coalesce(f.refund > 100000 AND a.refund >= 500000, false) AS asked
    FROM pair AS p
    LEFT JOIN fresh AS f ON f.taxpayer_key = p.taxpayer_key AND f.seller_key = p.seller_key
    LEFT JOIN fresh_all AS a ON a.taxpayer_key = p.taxpayer_key
),
edge AS (
    SELECT min(period) AS first_loaded FROM export_refund
)
SELECT
    taxpayer_key,
    CASE WHEN max(first_loaded) <= period_add($as_of, -23) THEN count(*) FILTER (WHERE asked) END AS export_inquiry_suppliers,
    CAST(coalesce(sum(refund_6) FILTER (WHERE asked), 0) AS DECIMAL(28, 2)) AS export_inquiry_refund
FROM marked CROSS JOIN edge
WHERE refund_6 > 0
GROUP BY taxpayer_key
