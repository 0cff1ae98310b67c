-- pipeline_lines: transport by pipeline on the lines a taxpayer issued (codes that begin with 30104). Grain: one row a seller and month with
-- any line; 0 where none is of pipelines.
SELECT taxpayer_key, period, CAST(sum(CASE WHEN goods_code LIKE '30104%' THEN goods_sold_amount ELSE 0 END) AS DECIMAL(28, 2)) AS pipeline_lines_amount
FROM rollup_goods_sold
GROUP BY taxpayer_key, period
