-- property_deals: deals in real estate over the 12 months ending $as_of, against the taxes declared on them. Grain: one row a taxpayer
-- with a deal in the 12 months.
-- forced_sold: sales signed within 12 months after a case of enforcement or bankruptcy. *_base is what the firm's own returns state
-- from three months before the window on; null where the warehouse holds no return of that tax at all.
WITH deal AS (
    SELECT deal_no, taxpayer_key, kind, signed_on, price
    FROM real_estate
    WHERE signed_on BETWEEN period_start(period_add($as_of, -11)) AND period_end($as_of) AND price > 0
),
ruled AS (
    SELECT taxpayer_key, decided_on FROM court_case
    WHERE (kind LIKE '%执行%' OR kind LIKE '%破产%') AND decided_on BETWEEN period_start(period_add($as_of, -23)) AND period_end($as_of)
),
forced AS (
    SELECT DISTINCT d.deal_no
    FROM deal AS d JOIN ruled AS r ON r.taxpayer_key = d.taxpayer_key
    WHERE r.decided_on <= d.signed_on AND d.signed_on - r.decided_on <= 366
),
declared AS (
    SELECT
        taxpayer_key,
        sum(base) FILTER (WHERE tax_code = 'land_vat') AS land_vat_base,
        sum(base) FILTER (WHERE tax_code = 'deed') AS deed_base,
        sum(tax_due) FILTER (WHERE tax_code IN ('land_use', 'property')) AS holding_due,
        count(*) AS n
    FROM other_tax_return
    WHERE period > period_add($as_of, -15) AND period <= $as_of
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT
        count(*) FILTER (WHERE tax_code = 'land_vat') > 0 AS land_vat_loaded,
        count(*) FILTER (WHERE tax_code = 'deed') > 0 AS deed_loaded,
        count(*) FILTER (WHERE tax_code IN ('land_use', 'property')) > 0 AS holding_loaded
    FROM other_tax_return
),
summed AS (
    SELECT
        d.taxpayer_key,
        sum(d.price) FILTER (WHERE d.kind = 'sale') AS sold,
        sum(d.price) FILTER (WHERE d.kind = 'purchase') AS bought,
        sum(d.price) FILTER (WHERE d.kind = 'sale' AND f.deal_no IS NOT NULL) AS forced_sold
    FROM deal AS d LEFT JOIN forced AS f ON f.deal_no = d.deal_no
    GROUP BY d.taxpayer_key
)
SELECT
    s.taxpayer_key,
    CAST(coalesce(s.sold, 0) AS DECIMAL(28, 2)) AS property_deals_sold,
    CAST(coalesce(s.bought, 0) AS DECIMAL(28, 2)) AS property_deals_bought,
    CAST(coalesce(s.forced_sold, 0) AS DECIMAL(28, 2)) AS property_deals_forced_sold,
    CAST(CASE WHEN land_vat_loaded THEN coalesce(d.land_vat_base, 0) END AS DECIMAL(28, 2)) AS property_deals_land_vat_base,
    CAST(CASE WHEN deed_loaded THEN coalesce(d.deed_base, 0) END AS DECIMAL(28, 2)) AS property_deals_deed_base,
    CAST(CASE WHEN holding_loaded THEN coalesce(d.holding_due, 0) END AS DECIMAL(28, 2)) AS property_deals_holding_due
FROM summed AS s
CROSS JOIN loaded
LEFT JOIN declared AS d ON d.taxpayer_key = s.taxpayer_key
