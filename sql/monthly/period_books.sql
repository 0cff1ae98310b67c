-- period_books: income statements of months and quarters, as filed (a taxpayer files one or the other). Grain: one row a taxpayer and period;
-- a quarter stands in its last month. Figures are those of the period alone.
SELECT
    taxpayer_key,
    period,
    sum(revenue) AS period_books_revenue,
    sum(cost) AS period_books_cost
FROM financial_statement
WHERE period_type IN ('M', 'Q')
GROUP BY taxpayer_key, period
