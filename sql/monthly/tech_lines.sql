-- tech_lines: transfers of technology on invoice lines: patents and know-how, goods codes that begin with 401. Grain: one row a seller and
-- month with such a line. Lines of void invoices are in.
SELECT taxpayer_key, period, sum(goods_sold_amount) AS tech_lines_sold
FROM rollup_goods_sold
WHERE goods_code LIKE '401%'
GROUP BY taxpayer_key, period
