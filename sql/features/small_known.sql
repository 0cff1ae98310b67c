-- small_known: which lines of the return of small-scale taxpayers are loaded. Grain: one row a taxpayer of the register in force.
-- 0 where some such return up to $as_of states the line (in others a blank is then nothing), null where none does.
SELECT
    t.taxpayer_key,
    CAST(CASE WHEN l.exempt > 0 THEN 0 END AS DECIMAL(28, 2)) AS zero_if_small_exempt,
    CAST(CASE WHEN l.other > 0 THEN 0 END AS DECIMAL(28, 2)) AS zero_if_small_other,
    CAST(CASE WHEN l.special > 0 THEN 0 END AS DECIMAL(28, 2)) AS zero_if_small_special,
    CAST(CASE WHEN l.reduction > 0 THEN 0 END AS DECIMAL(28, 2)) AS zero_if_small_reduction
FROM taxpayer AS t
CROSS JOIN (
    SELECT
        count(small_exempt_sales) AS exempt,
        count(exempt_sales) AS other,
        count(invoiced_special_sales) AS special,
        count(tax_reduction) AS reduction
    FROM vat_return
    WHERE form = 'small' AND period <= $as_of
) AS l
WHERE t.valid_to IS NULL
