-- export_repeats: export items of the 12 months ending $as_of that stand in another declaration with the same code, quantity, unit,
-- currency and value, by any exporter, over 24 months. Grain: one row a taxpayer with exports in the 12 months.
WITH item AS (
    SELECT taxpayer_key, declaration_no, period, hs_code, quantity, unit, currency, fob
    FROM customs_declaration
    WHERE direction = 'export' AND period > period_add($as_of, -24) AND period <= $as_of
),
same AS (
    SELECT hs_code, quantity, unit, currency, fob
    FROM item
    WHERE hs_code IS NOT NULL AND quantity > 0 AND fob > 0
    GROUP BY hs_code, quantity, unit, currency, fob
    HAVING count(DISTINCT declaration_no) > 1
)
SELECT
    i.taxpayer_key,
    count(*) AS export_repeats_items,
    count(s.hs_code) AS export_repeats_n
FROM item AS i
LEFT JOIN same AS s ON s.hs_code = i.hs_code AND s.quantity = i.quantity AND s.unit = i.unit AND s.currency = i.currency AND s.fob = i.fob
WHERE i.period > period_add($as_of, -12)
GROUP BY i.taxpayer_key
