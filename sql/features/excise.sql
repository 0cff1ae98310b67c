-- excise: consumption tax declared over the 12 months ending $as_of. Grain: one row a taxpayer with a return of the smaller taxes in
-- these months. A taxpayer with other returns but none of consumption tax declared none; where fewer than ten taxpayers have one
-- the tax is not in the data.
WITH own AS (
    SELECT taxpayer_key, coalesce(sum(coalesce(tax_due, 0) + coalesce(relief, 0)) FILTER (WHERE tax_code = 'consumption'), 0) AS due
    FROM other_tax_return
    WHERE period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT count(DISTINCT CASE WHEN tax_code = 'consumption' THEN taxpayer_key END) >= 10 AS consumption_loaded
    FROM other_tax_return
    WHERE period BETWEEN period_add($as_of, -11) AND $as_of
)
SELECT own.taxpayer_key, CASE WHEN consumption_loaded THEN own.due END AS excise_due_12
FROM own CROSS JOIN loaded
