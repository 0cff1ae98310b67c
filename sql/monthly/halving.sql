-- halving: tax from which the halving of the six taxes and two fees is counted: declared before relief, less what other reliefs (all but codes
-- ending in 049901 to 049903) take off. Grain: one row a taxpayer and period declared or claimed for. Water resource tax and stamp tax on
-- trading of securities are left out: they are never halved.
-- A tax is null where it cannot be told from halving already in it: the return shows more relief than the details of reliefs do, it does
-- not say what relief it holds, or the local education surcharge is halved under a code that is not confirmed (0099049902, 0099049903).
-- as_small: claimed under the codes of small-scale taxpayers and individual businesses, over all these taxes.
WITH declared AS (
    SELECT
        taxpayer_key,
        tax_code,
        period,
        sum(coalesce(tax, tax_due + relief)) AS tax,
        sum(coalesce(relief, tax - tax_due)) AS relief,
        bool_and(coalesce(tax, tax_due + relief) IS NOT NULL AND coalesce(relief, tax - tax_due) IS NOT NULL) AS is_known
    FROM other_tax_return
    WHERE tax_code IN ('city_maintenance', 'education', 'local_education', 'resource', 'property', 'land_use', 'stamp', 'farmland')
        AND NOT (tax_code = 'resource' AND coalesce(item, '') LIKE '%水资源%')
        AND NOT (tax_code = 'stamp' AND coalesce(item, '') LIKE '%证券交易%')
    GROUP BY taxpayer_key, tax_code, period
),
claimed AS (
    SELECT
        taxpayer_key,
        tax_code,
        period,
        sum(relief) AS relief,
        sum(relief) FILTER (WHERE substr(relief_code, 5) NOT IN ('049901', '049902', '049903')) AS other,
        sum(relief) FILTER (WHERE substr(relief_code, 5) IN ('049901', '049902')) AS as_small,
        coalesce(bool_or(relief_code IN ('0099049902', '0099049903') AND relief > 0), false) AS is_unsure
    FROM benefit_claim
    WHERE tax_code IN ('city_maintenance', 'education', 'local_education', 'resource', 'property', 'land_use', 'stamp', 'farmland')
    GROUP BY taxpayer_key, tax_code, period
),
joined AS (
    SELECT
        coalesce(d.taxpayer_key, c.taxpayer_key) AS taxpayer_key,
        coalesce(d.tax_code, c.tax_code) AS tax_code,
        coalesce(d.period, c.period) AS period,
        CASE WHEN d.is_known AND d.relief <= coalesce(c.relief, 0) + 1 AND c.is_unsure IS NOT TRUE THEN d.tax - coalesce(c.other, 0) END AS tax,
        c.as_small
    FROM declared AS d
    FULL JOIN claimed AS c ON c.taxpayer_key = d.taxpayer_key AND c.tax_code = d.tax_code AND c.period = d.period
)
SELECT
    taxpayer_key,
    period,
    sum(tax) FILTER (WHERE tax_code = 'city_maintenance') AS halving_city_maintenance,
    sum(tax) FILTER (WHERE tax_code = 'education') AS halving_education,
    sum(tax) FILTER (WHERE tax_code = 'local_education') AS halving_local_education,
    sum(tax) FILTER (WHERE tax_code = 'resource') AS halving_resource,
    sum(tax) FILTER (WHERE tax_code = 'property') AS halving_property,
    sum(tax) FILTER (WHERE tax_code = 'land_use') AS halving_land_use,
    sum(tax) FILTER (WHERE tax_code = 'stamp') AS halving_stamp,
    sum(tax) FILTER (WHERE tax_code = 'farmland') AS halving_farmland,
    sum(as_small) AS halving_as_small
FROM joined
GROUP BY taxpayer_key, period
