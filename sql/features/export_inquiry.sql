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
dated AS (
    SELECT *, min(period) OVER (PARTITION BY taxpayer_key, chapter) AS chapter_since FROM claim
),
pair AS (
    SELECT
        taxpayer_key,
        seller_key,
        coalesce(sum(refund) FILTER (WHERE period > period_add($as_of, -6)), 0) AS refund_6,
        count(*) FILTER (WHERE period <= period_add($as_of, -6)) AS before_n,
        coalesce(sum(refund) FILTER (WHERE period = $as_of), 0) AS refund_now,
        coalesce(sum(refund) FILTER (WHERE period = period_add($as_of, -1)), 0) AS refund_last,
        sum(refund) FILTER (WHERE period > period_add($as_of, -6) AND (chapter IS NULL OR chapter_since > period_add($as_of, -6))) AS fresh
    FROM dated GROUP BY taxpayer_key, seller_key
),
fresh AS (
    SELECT *, sum(fresh) OVER (PARTITION BY taxpayer_key) AS fresh_all FROM pair
),
marked AS (
    SELECT
        taxpayer_key,
        refund_6,
        (before_n = 0 AND refund_6 > 500000)
            OR (refund_now > 500000 AND refund_now > 2 * refund_last)
            OR coalesce(fresh > 100000 AND fresh_all >= 500000, false) AS asked
    FROM fresh
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
