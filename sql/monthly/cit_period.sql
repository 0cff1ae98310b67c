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
FROM cit_return AS r
WHERE period_type = 'Y'
    OR (
        period_type = 'Q'
        AND NOT EXISTS (SELECT 1 FROM cit_return AS y WHERE y.taxpayer_key = r.taxpayer_key AND y.period = r.period AND y.period_type = 'Y')
    )
