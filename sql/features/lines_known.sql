-- lines_known: whether lines of invoices are loaded. Grain: one row a taxpayer of the register in force; none where no line of anybody is
-- loaded up to $as_of, so that who has none is then unknown, not nothing.
SELECT t.taxpayer_key, CAST(0 AS DECIMAL(28, 2)) AS zero_if_lines
FROM taxpayer AS t
CROSS JOIN (SELECT count(*) AS n FROM rollup_goods_sold WHERE period <= $as_of) AS loaded
WHERE t.valid_to IS NULL AND loaded.n > 0
