-- stamp_items: stamp tax by item. Grain: one row a taxpayer with a return of the smaller taxes in the 36 months ending $as_of.
-- drop: of the items with a base of 1,000,000 or more over the 12 months before the last 12, the largest fall of the base over the
-- last 12; null without such an item. capital and loan are bases declared for account books and for loan contracts; a taxpayer
-- without such a row declared none, but where fewer than ten taxpayers have one the item is not in the data, and they are null.
WITH declared AS (
    SELECT taxpayer_key, tax_code, period, item, base
    FROM other_tax_return
    WHERE period BETWEEN period_add($as_of, -35) AND $as_of
),
items AS (
    SELECT
        taxpayer_key,
        item,
        coalesce(sum(base) FILTER (WHERE period > period_add($as_of, -12)), 0) AS now_base,
        coalesce(sum(base) FILTER (WHERE period <= period_add($as_of, -12) AND period > period_add($as_of, -24)), 0) AS before_base
    FROM declared
    WHERE tax_code = 'stamp'
    GROUP BY taxpayer_key, item
),
drops AS (
    SELECT
        taxpayer_key,
        max(CAST(before_base - now_base AS DOUBLE) / CAST(before_base AS DOUBLE)) AS drop_share,
        sum(before_base - now_base) FILTER (WHERE now_base < before_base) AS drop_base
    FROM items
    WHERE before_base >= 1000000
    GROUP BY taxpayer_key
),
special AS (
    SELECT
        taxpayer_key,
        coalesce(sum(base) FILTER (WHERE tax_code = 'stamp' AND item LIKE '%账簿%' AND period > period_add($as_of, -24)), 0) AS capital,
        coalesce(sum(base) FILTER (WHERE tax_code = 'stamp' AND item LIKE '%借款%'), 0) AS loan
    FROM declared
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT
        count(DISTINCT CASE WHEN item LIKE '%账簿%' THEN taxpayer_key END) >= 10 AS capital_loaded,
        count(DISTINCT CASE WHEN item LIKE '%借款%' THEN taxpayer_key END) >= 10 AS loan_loaded
    FROM declared
    WHERE tax_code = 'stamp'
)
SELECT
    special.taxpayer_key,
    drops.drop_share AS stamp_items_drop,
    drops.drop_base AS stamp_items_drop_base,
    CASE WHEN capital_loaded THEN special.capital END AS stamp_items_capital_24,
    CASE WHEN loan_loaded THEN special.loan END AS stamp_items_loan_36
FROM special
CROSS JOIN loaded
LEFT JOIN drops ON drops.taxpayer_key = special.taxpayer_key
