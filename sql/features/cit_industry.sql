-- cit_industry: the cost and the expenses a firm would have at the ratios of its industry. Grain: one row a taxpayer with a yearly return
-- for a year that ended by $as_of. Its revenue times the weighted mean (sum over sum) over the last yearly returns of the same year with at
-- least one million yuan of revenue, of the same four-digit industry where thirty such returns exist, else of the same two-digit one;
-- null below thirty.
WITH latest AS (
    SELECT taxpayer_key, max(period) AS last FROM cit_return WHERE period_type = 'Y' AND period <= $as_of GROUP BY taxpayer_key
),
own AS (
    SELECT
        r.taxpayer_key,
        r.period,
        left(t.industry_code, 5) AS class4,
        left(t.industry_code, 3) AS class2,
        r.revenue,
        r.cost,
        r.selling_expense + r.admin_expense + r.finance_expense AS expense
    FROM cit_return AS r
    JOIN latest AS l ON l.taxpayer_key = r.taxpayer_key AND l.last = r.period
    JOIN taxpayer AS t ON t.taxpayer_key = r.taxpayer_key AND t.valid_to IS NULL
    WHERE r.period_type = 'Y'
),
narrow AS (
    SELECT class4, period, count(*) AS n, sum(revenue) AS revenue, sum(cost) AS cost, sum(expense) AS expense
    FROM own WHERE revenue >= 1000000 AND cost IS NOT NULL AND expense IS NOT NULL GROUP BY class4, period
),
wide AS (
    SELECT class2, period, count(*) AS n, sum(revenue) AS revenue, sum(cost) AS cost, sum(expense) AS expense
    FROM own WHERE revenue >= 1000000 AND cost IS NOT NULL AND expense IS NOT NULL GROUP BY class2, period
)
SELECT
    o.taxpayer_key,
    CASE WHEN a.n >= 30 THEN a.n WHEN b.n >= 30 THEN b.n END AS cit_industry_n,
    -- Multiplied before it is divided: a quotient is cut off after ten digits.
    CAST(CASE
        WHEN a.n >= 30 THEN o.revenue * a.cost / a.revenue
        WHEN b.n >= 30 THEN o.revenue * b.cost / b.revenue
    END AS DECIMAL(18, 2)) AS cit_industry_cost,
    CAST(CASE
        WHEN a.n >= 30 THEN o.revenue * a.expense / a.revenue
        WHEN b.n >= 30 THEN o.revenue * b.expense / b.revenue
    END AS DECIMAL(18, 2)) AS cit_industry_expense
FROM own AS o
LEFT JOIN narrow AS a ON a.class4 = o.class4 AND a.period = o.period
LEFT JOIN wide AS b ON b.class2 = o.class2 AND b.period = o.period
