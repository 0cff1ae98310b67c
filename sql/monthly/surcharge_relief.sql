-- surcharge_relief: education surcharges not paid because sales are small (财税〔2016〕12号), beside the sales declared for VAT in the
-- same period. Grain: one row a taxpayer and period of such a claim. Codes 0061042802 and 0099042802.
-- The limit is 100,000 a month, or 300,000 where the period is a quarter: its last month, with no VAT return in the two months before.
WITH claimed AS (
    SELECT taxpayer_key, period, sum(relief) AS relief
    FROM benefit_claim
    WHERE relief_code IN ('0061042802', '0099042802')
    GROUP BY taxpayer_key, period
),
returns AS (
    SELECT
        taxpayer_key,
        period,
        sum(CASE WHEN form = 'general'
            THEN coalesce(taxable_sales, 0) + coalesce(simple_sales, 0) + coalesce(export_sales, 0) + coalesce(exempt_sales, 0)
            ELSE coalesce(small_sales_3pct, 0) + coalesce(small_sales_5pct, 0) + coalesce(small_exempt_sales, 0) END) AS sales
    FROM vat_return
    GROUP BY taxpayer_key, period
),
spaced AS (
    SELECT *, lag(period) OVER (PARTITION BY taxpayer_key ORDER BY period) AS before FROM returns
)
SELECT
    claimed.taxpayer_key,
    claimed.period,
    claimed.relief AS surcharge_relief_amount,
    spaced.sales AS surcharge_relief_sales,
    CASE WHEN spaced.period % 100 % 3 = 0 AND (spaced.before IS NULL OR period_diff(spaced.period, spaced.before) >= 3)
        THEN CAST(300000 AS DECIMAL(18, 2)) ELSE CAST(100000 AS DECIMAL(18, 2)) END AS surcharge_relief_limit
FROM claimed
LEFT JOIN spaced ON spaced.taxpayer_key = claimed.taxpayer_key AND spaced.period = claimed.period
