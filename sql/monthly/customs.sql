-- customs: declarations. Grain: one row a taxpayer and month with a declaration. Values in foreign currency are not converted: no
-- rates are known here; duty and import tax are in yuan.
SELECT
    taxpayer_key,
    period,
    count(DISTINCT declaration_no) FILTER (WHERE direction = 'import') AS customs_imports,
    count(DISTINCT declaration_no) FILTER (WHERE direction = 'export') AS customs_exports,
    sum(duty) AS customs_duty,
    sum(import_vat) AS customs_import_vat,
    sum(fob) FILTER (WHERE direction = 'export' AND currency = 'CNY') AS customs_export_cny,
    sum(fob) FILTER (WHERE direction = 'export' AND currency = 'USD') AS customs_export_usd
FROM customs_declaration
GROUP BY taxpayer_key, period
