-- cit_lines: what a corporate income tax return says by its sums only, the year so far. Grain: one row a taxpayer and period: the yearly return
-- where there is one, else the quarter's.
--
-- other_relief: relief of tax that is on none of the lines of its own (small low-profit, high-tech, regions). income_relief: income left untaxed
-- beyond every deduction that has a line (所得减免), at the least: accelerated depreciation is taken off beside adjust_down, which may hold it too.
-- A prepayment has no lines for adjustments. Null where a line it is made of is.
WITH current AS (
    SELECT
        taxpayer_key,
        period,
        tax_relief - small_profit_relief - high_tech_relief - region_relief AS other_relief,
        profit + CASE WHEN period_type = 'Q' THEN coalesce(adjust_up, 0) ELSE adjust_up END
            - CASE WHEN period_type = 'Q' THEN coalesce(adjust_down, 0) ELSE adjust_down END
            - exempt_income - rd_super_deduction - accelerated_depreciation - loss_offset
            - CASE WHEN taxable_income < 0 THEN 0 ELSE taxable_income END AS income_relief
    FROM (
        SELECT *, row_number() OVER (PARTITION BY taxpayer_key, period ORDER BY period_type DESC) AS place
        FROM cit_return
        WHERE period_type IN ('Q', 'Y')
    ) AS r
    WHERE place = 1
)
SELECT
    taxpayer_key,
    period,
    CAST(CASE WHEN other_relief < 0 THEN 0 ELSE other_relief END AS DECIMAL(28, 2)) AS cit_lines_other_relief,
    CAST(CASE WHEN income_relief < 0 THEN 0 ELSE income_relief END AS DECIMAL(28, 2)) AS cit_lines_income_relief
FROM current
