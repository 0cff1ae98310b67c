-- equipment: machinery and equipment bought over the 12 months ending $as_of (goods codes that begin with 109), apart by unit price before
-- tax. Grain: one row a taxpayer of the register in force; null everywhere when no line of anybody's purchases of those months is loaded.
-- large: 5,000,000 yuan a unit or more, lines of void invoices left out; other: all the rest, such lines included. What was imported or
-- built is in no invoice.
WITH large AS (
    SELECT l.buyer_key AS taxpayer_key, sum(l.amount) AS amount
    FROM invoice_line AS l
    JOIN invoice AS i ON i.invoice_id = l.invoice_id AND i.status <> 'void' AND i.period > period_add($as_of, -12) AND i.period <= $as_of
    WHERE l.period > period_add($as_of, -12) AND l.period <= $as_of AND l.goods_code LIKE '109%' AND l.buyer_key IS NOT NULL
        AND l.buyer_key <> l.seller_key AND coalesce(l.unit_price, l.amount / nullif(l.quantity, 0)) >= 5000000
    GROUP BY l.buyer_key
),
bought AS (
    SELECT taxpayer_key, sum(goods_bought_amount - goods_bought_own_amount) AS amount
    FROM rollup_goods_bought
    WHERE period > period_add($as_of, -12) AND period <= $as_of AND goods_code LIKE '109%'
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT count(*) > 0 AS known FROM rollup_goods_bought WHERE period > period_add($as_of, -12) AND period <= $as_of
)
SELECT
    t.taxpayer_key,
    CAST(CASE WHEN d.known THEN greatest(coalesce(l.amount, 0), 0) END AS DECIMAL(28, 2)) AS equipment_large,
    CAST(CASE WHEN d.known THEN greatest(coalesce(b.amount, 0) - coalesce(l.amount, 0), 0) END AS DECIMAL(28, 2)) AS equipment_other
FROM taxpayer AS t
CROSS JOIN loaded AS d
LEFT JOIN large AS l ON l.taxpayer_key = t.taxpayer_key
LEFT JOIN bought AS b ON b.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
