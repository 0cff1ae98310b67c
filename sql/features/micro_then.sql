-- micro_then: the figures by which a company is or is not a small low-profit enterprise for the halving of the six taxes in the month $as_of.
-- Grain: one row a taxpayer of the register in force.
-- The settlement of income tax of the year before counts from July to June of the next year, whenever it was filed or amended. Who registered
-- after that year is new: up to the month of its first settlement (May at the latest) the staff and assets at the end of the month count, from
-- the next month on that settlement. All figures are null where the settlement that counts is missing; income is null for a new one.
-- Staff at the end of a month is the larger of those insured and those paid; assets are those of the statement nearest to it, within two months.
WITH asked AS (
    SELECT
        CAST($as_of / 100 AS INT) AS this_year,
        CAST($as_of / 100 - CASE WHEN $as_of % 100 >= 7 THEN 1 ELSE 2 END AS INT) AS counting_year,
        CAST($as_of / 100 * 100 + ($as_of % 100 + 2) / 3 * 3 AS INT) AS quarter
),
settled AS (
    SELECT
        taxpayer_key,
        CAST(period / 100 AS INT) AS year,
        least(coalesce(period_of(max(filed_on)), period + 93), period + 93) AS filed_in,
        max(taxable_income) AS taxable_income,
        max(employees_avg) AS employees_avg,
        max(assets_avg) AS assets_avg,
        bool_or(restricted_industry) AS restricted_industry
    FROM cit_return
    WHERE period_type = 'Y'
    GROUP BY taxpayer_key, period
),
firm AS (
    SELECT
        t.taxpayer_key,
        CAST(date_part('year', t.registered_on) AS INT) AS first_year,
        a.this_year,
        a.counting_year,
        a.quarter
    FROM taxpayer AS t
    CROSS JOIN asked AS a
    WHERE t.valid_to IS NULL
),
route AS (
    SELECT
        f.taxpayer_key,
        f.quarter,
        c.taxpayer_key IS NULL AND f.first_year > f.counting_year AND (s.filed_in IS NULL OR $as_of <= s.filed_in)
            AND (f.first_year = f.this_year OR $as_of % 100 <= 5) AS is_new,
        CAST(CASE WHEN c.taxpayer_key IS NOT NULL THEN c.year WHEN $as_of > s.filed_in THEN s.year END AS INT) AS year
    FROM firm AS f
    LEFT JOIN settled AS c ON c.taxpayer_key = f.taxpayer_key AND c.year = f.counting_year
    LEFT JOIN settled AS s ON s.taxpayer_key = f.taxpayer_key AND s.year = f.first_year AND f.first_year > f.counting_year
),
staff AS (
    SELECT
        coalesce(i.taxpayer_key, p.taxpayer_key) AS taxpayer_key,
        greatest(coalesce(i.persons, p.persons), coalesce(p.persons, i.persons)) AS persons
    FROM (SELECT taxpayer_key, persons FROM social_insurance WHERE period = $as_of) AS i
    FULL JOIN (SELECT taxpayer_key, persons FROM payroll WHERE period = $as_of) AS p ON p.taxpayer_key = i.taxpayer_key
),
assets AS (
    SELECT
        taxpayer_key,
        coalesce(
            max(total_assets) FILTER (WHERE period = $as_of),
            max(total_assets) FILTER (WHERE period = period_add($as_of, -1)),
            max(total_assets) FILTER (WHERE period = period_add($as_of, -2)),
            max(total_assets) FILTER (WHERE period = period_add($as_of, 1)),
            max(total_assets) FILTER (WHERE period = period_add($as_of, 2))
        ) AS total_assets
    FROM financial_statement
    WHERE period BETWEEN period_add($as_of, -2) AND period_add($as_of, 2)
    GROUP BY taxpayer_key
),
industry AS (
    SELECT taxpayer_key, restricted_industry
    FROM (
        SELECT
            r.taxpayer_key,
            r.restricted_industry,
            row_number() OVER (PARTITION BY r.taxpayer_key ORDER BY r.period DESC, r.period_type) AS place
        FROM cit_return AS r
        CROSS JOIN asked AS a
        WHERE r.period <= a.quarter AND r.restricted_industry IS NOT NULL
    ) AS latest
    WHERE place = 1
)
SELECT
    r.taxpayer_key,
    r.is_new AS micro_then_new,
    CAST(r.year * 100 + 12 AS INT) AS micro_then_year,
    s.taxable_income AS micro_then_income,
    CAST(CASE WHEN r.is_new THEN st.persons ELSE s.employees_avg END AS DOUBLE) AS micro_then_employees,
    CASE WHEN r.is_new THEN a.total_assets ELSE s.assets_avg END AS micro_then_assets,
    CASE WHEN r.is_new THEN i.restricted_industry ELSE s.restricted_industry END AS micro_then_restricted
FROM route AS r
LEFT JOIN settled AS s ON s.taxpayer_key = r.taxpayer_key AND s.year = r.year
LEFT JOIN staff AS st ON st.taxpayer_key = r.taxpayer_key
LEFT JOIN assets AS a ON a.taxpayer_key = r.taxpayer_key
LEFT JOIN industry AS i ON i.taxpayer_key = r.taxpayer_key
