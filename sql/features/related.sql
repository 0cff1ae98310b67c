-- related: sales to and purchases from related parties over the 12 months ending $as_of. Grain: one row a taxpayer with trade in that time.
--
-- Related: seller and buyer have the same legal representative, or one natural person stands in both as legal representative or as a
-- holder of at least 25 percent, or one holds at least 25 percent of the other, or one company holds that much of both. Registrations
-- in force; holdings as of $as_of. Control by contract, by family or over several steps is not seen, so the figures are a lower bound.
--
-- low_taxed: of that trade what was bought from a related party that is taxed lower on its income, or sold to one taxed higher; amount 0: no
-- such trade. Income tax from the last yearly return of both by $as_of: the seller's burden is tax due over taxable income and asks for a
-- taxable income above nothing; the buyer's rate is its burden, or the rate of its return when it has no taxable income (a loss). gap: the
-- buyer's rate less the seller's burden, rounded to a hundredth of a percent; of several partners the one with the largest gap, then the
-- largest amount. role: `buyer` (profit goes out) or `seller` (profit comes in).
-- Who stands in one taxpayer only links nobody, and few stand in several: so most trade is looked at once.
-- Months of trade are summed only where a link was found: few pairs are related, and all of them are a hundred times as many.
WITH trade AS (
    SELECT seller_key, buyer_key, blue_amount AS amount
    FROM rollup_trade
    WHERE period > period_add($as_of, -12) AND period <= $as_of AND seller_key <> buyer_key
),
held AS (
    SELECT taxpayer_key, holder_key, holder_person_key
    FROM shareholder
    WHERE share >= 0.25 AND (valid_from IS NULL OR valid_from <= period_end($as_of)) AND (valid_to IS NULL OR valid_to > period_end($as_of))
),
named AS (
    SELECT taxpayer_key, legal_rep_key AS person_key FROM taxpayer WHERE valid_to IS NULL AND legal_rep_key IS NOT NULL
    UNION
    SELECT taxpayer_key, holder_person_key FROM held WHERE holder_person_key IS NOT NULL
),
person AS (
    SELECT taxpayer_key, person_key FROM named WHERE person_key IN (SELECT person_key FROM named GROUP BY person_key HAVING count(*) > 1)
),
company AS (
    SELECT taxpayer_key, holder_key FROM held WHERE holder_key IS NOT NULL
),
linked AS (
    SELECT t.seller_key, t.buyer_key
    FROM trade AS t
    JOIN person AS a ON a.taxpayer_key = t.seller_key
    JOIN person AS b ON b.taxpayer_key = t.buyer_key AND b.person_key = a.person_key
    UNION
    SELECT t.seller_key, t.buyer_key FROM trade AS t JOIN company AS c ON c.taxpayer_key = t.buyer_key AND c.holder_key = t.seller_key
    UNION
    SELECT t.seller_key, t.buyer_key FROM trade AS t JOIN company AS c ON c.taxpayer_key = t.seller_key AND c.holder_key = t.buyer_key
    UNION
    SELECT t.seller_key, t.buyer_key
    FROM trade AS t
    JOIN company AS a ON a.taxpayer_key = t.seller_key
    JOIN company AS b ON b.taxpayer_key = t.buyer_key AND b.holder_key = a.holder_key
),
-- The few first: they are what a join holds in memory.
marked AS (
    SELECT t.seller_key, t.buyer_key, sum(t.amount) AS amount
    FROM linked AS l
    JOIN trade AS t ON t.seller_key = l.seller_key AND t.buyer_key = l.buyer_key
    GROUP BY t.seller_key, t.buyer_key
    HAVING sum(t.amount) > 0
),
trader AS (
    SELECT seller_key AS taxpayer_key FROM trade
    UNION
    SELECT buyer_key FROM trade
),
latest AS (
    SELECT taxpayer_key, max(period) AS last FROM cit_return WHERE period_type = 'Y' AND period <= $as_of GROUP BY taxpayer_key
),
taxed AS (
    SELECT
        c.taxpayer_key,
        c.profit,
        c.taxable_income > 0 AS earns,
        CASE WHEN c.taxable_income > 0 THEN CAST(c.tax_due AS DOUBLE) / CAST(c.taxable_income AS DOUBLE) ELSE CAST(c.rate AS DOUBLE) END AS burden
    FROM cit_return AS c
    JOIN latest AS l ON l.taxpayer_key = c.taxpayer_key AND l.last = c.period
    WHERE c.period_type = 'Y'
),
-- Each pair stands once, with both its sides, for it costs most to find: what no side is taxed lower in has no gap.
pair AS (
    SELECT
        m.seller_key,
        m.buyer_key,
        m.amount,
        s.burden AS seller_burden,
        b.burden AS buyer_rate,
        s.profit AS seller_profit,
        b.profit AS buyer_profit,
        CASE WHEN s.earns AND b.burden > s.burden THEN round(b.burden - s.burden, 4) END AS gap
    FROM marked AS m
    LEFT JOIN taxed AS s ON s.taxpayer_key = m.seller_key
    LEFT JOIN taxed AS b ON b.taxpayer_key = m.buyer_key
),
sides AS (
    SELECT
        CASE WHEN selling THEN seller_key ELSE buyer_key END AS taxpayer_key,
        CASE WHEN selling THEN buyer_key ELSE seller_key END AS other_key,
        CASE WHEN selling THEN 'seller' ELSE 'buyer' END AS role,
        *
    FROM pair
    CROSS JOIN (SELECT true AS selling UNION ALL SELECT false) AS side
),
ordered AS (
    SELECT *, gap IS NOT NULL AND row_number() OVER (PARTITION BY taxpayer_key ORDER BY gap DESC NULLS LAST, amount DESC, other_key, role) = 1 AS first
    FROM sides
),
found AS (
    SELECT
        taxpayer_key,
        count(*) FILTER (WHERE selling) AS customers,
        sum(amount) FILTER (WHERE selling) AS sales,
        count(*) FILTER (WHERE NOT selling) AS suppliers,
        sum(amount) FILTER (WHERE NOT selling) AS purchases,
        max(role) FILTER (WHERE first) AS role,
        max(other_key) FILTER (WHERE first) AS other_key,
        max(amount) FILTER (WHERE first) AS amount,
        max(buyer_rate) FILTER (WHERE first) AS buyer_rate,
        max(seller_burden) FILTER (WHERE first) AS seller_burden,
        max(buyer_profit) FILTER (WHERE first) AS buyer_profit,
        max(seller_profit) FILTER (WHERE first) AS seller_profit,
        max(gap) FILTER (WHERE first) AS gap
    FROM ordered
    GROUP BY taxpayer_key
)
SELECT
    t.taxpayer_key,
    coalesce(f.customers, 0) AS related_customers_12,
    CAST(coalesce(f.sales, 0) AS DECIMAL(28, 2)) AS related_sales_12,
    coalesce(f.suppliers, 0) AS related_suppliers_12,
    CAST(coalesce(f.purchases, 0) AS DECIMAL(28, 2)) AS related_purchases_12,
    f.role AS low_taxed_role,
    o.taxpayer_id AS low_taxed_other,
    CAST(coalesce(f.amount, 0) AS DECIMAL(28, 2)) AS low_taxed_amount,
    f.buyer_rate AS low_taxed_buyer_rate,
    f.seller_burden AS low_taxed_seller_burden,
    CAST(f.buyer_profit AS DECIMAL(28, 2)) AS low_taxed_buyer_profit,
    CAST(f.seller_profit AS DECIMAL(28, 2)) AS low_taxed_seller_profit,
    f.gap AS low_taxed_gap
FROM trader AS t
LEFT JOIN found AS f ON f.taxpayer_key = t.taxpayer_key
LEFT JOIN taxpayer AS o ON o.taxpayer_key = f.other_key AND o.valid_to IS NULL
