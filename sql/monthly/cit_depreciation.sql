-- cit_depreciation: accelerated depreciation and one-off deductions in corporate income tax returns, the year so far. Grain: one row a taxpayer
-- and period: the yearly return where there is one, else the quarter's.
SELECT taxpayer_key, period, accelerated_depreciation AS citp_accelerated
FROM (
    SELECT *, row_number() OVER (PARTITION BY taxpayer_key, period ORDER BY period_type DESC) AS place
    FROM cit_return
    WHERE period_type IN ('Q', 'Y')
) AS r
WHERE place = 1
