-- cit_period: corporate income tax returns as they stand at the end of a period, the year so far. Grain: one row a taxpayer and period: the
-- yearly return where there is one, else the quarter's.
SELECT
    taxpayer_key,
    period,
    CAST(CASE WHEN period_type = 'Y' THEN 1 ELSE 0 END AS BIGINT) AS citp_settled,
    revenue AS citp_revenue,
    rd_expense AS citp_rd_expense,
    rd_super_deduction AS citp_rd_super_deduction,
    taxable_income AS citp_taxable_income,
    CAST(rate AS DOUBLE) AS citp_rate,
    tax_before_relief AS citp_tax_before_relief,
    small_profit_relief AS citp_small_profit_relief,
    high_tech_relief AS citp_high_tech_relief,
    region_relief AS citp_region_relief,
    CAST(employees_avg AS DOUBLE) AS citp_employees,
    assets_avg AS citp_assets,
    restricted_industry AS citp_restricted,
    collection_method AS citp_method
FROM (
    SELECT *, row_number() OVER (PARTITION BY taxpayer_key, period ORDER BY period_type DESC) AS place
    FROM cit_return
    WHERE period_type IN ('Q', 'Y')
) AS r
WHERE place = 1
