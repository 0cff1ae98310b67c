-- abroad: customs declarations in yuan. Grain: one row a taxpayer and month with a declaration.
-- Dollars are converted by the month's rate in economic_series (usd_cny). A month with a declaration in a currency that has no
-- rate is null, not a part of the whole.
WITH rate AS (
    SELECT period, max(CAST(value AS DOUBLE)) AS yuan FROM economic_series WHERE series = 'usd_cny' GROUP BY period
),
item AS (
    SELECT
        d.taxpayer_key,
        d.period,
        d.direction,
        -- Summed as decimals: a sum of doubles depends on the order of rows.
        CAST(CASE d.currency WHEN 'CNY' THEN CAST(d.fob AS DOUBLE) WHEN 'USD' THEN CAST(d.fob AS DOUBLE) * r.yuan END AS DECIMAL(28, 6)) AS yuan
    FROM customs_declaration AS d
    LEFT JOIN rate AS r ON r.period = d.period
)
SELECT
    taxpayer_key,
    period,
    CASE WHEN count(*) FILTER (WHERE direction = 'export' AND yuan IS NULL) = 0
        THEN CAST(coalesce(sum(yuan) FILTER (WHERE direction = 'export'), 0) AS DECIMAL(28, 2)) END AS abroad_export,
    CASE WHEN count(*) FILTER (WHERE direction = 'import' AND yuan IS NULL) = 0
        THEN CAST(coalesce(sum(yuan) FILTER (WHERE direction = 'import'), 0) AS DECIMAL(28, 2)) END AS abroad_import
FROM item
GROUP BY taxpayer_key, period
