-- six_taxes: halving of the six taxes and two fees (codes ending in 049901, 049902, 049903) by those who are none of small-scale
-- taxpayer, individual business or small low-profit enterprise, over the 12 months ending $as_of. Grain: one row a taxpayer that claimed.
-- A claim is wrong when, for its month, the taxpayer filed as a general taxpayer, is no individual business, and its settlement of
-- income tax fails a limit of small low-profit enterprises. From July to June of the next year the settlement of the year before
-- counts. Without a settlement (a new enterprise) nothing is said, but for one case: the code of small-scale taxpayers (049901) claimed for
-- a month filed as a general taxpayer is wrong unless the settlement shows a small low-profit enterprise, which may halve under its own
-- code. Of the local education surcharge no code but that of small-scale taxpayers is confirmed: under it everybody may claim, so it says nothing.
-- Limits: taxable income 3,000,000, 300 persons, assets 50,000,000.
WITH claimed AS (
    SELECT
        taxpayer_key,
        period,
        sum(relief) AS relief,
        coalesce(bool_or(substr(relief_code, 5) = '049901' AND tax_code <> 'local_education'), false) AS as_small,
        CAST(max(CASE WHEN period % 100 >= 7 THEN period / 100 - 1 ELSE period / 100 - 2 END) AS INT) AS settled_year
    FROM benefit_claim
    WHERE period BETWEEN period_add($as_of, -11) AND $as_of AND substr(relief_code, 5) IN ('049901', '049902', '049903')
    GROUP BY taxpayer_key, period
),
general AS (
    SELECT taxpayer_key, period FROM vat_return
    WHERE form = 'general' AND period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key, period
),
settled AS (
    SELECT
        taxpayer_key,
        CAST(period / 100 AS INT) AS year,
        bool_or(taxable_income > 3000000 OR employees_avg > 300 OR assets_avg > 50000000 OR restricted_industry) AS too_large
    FROM cit_return
    WHERE period_type = 'Y'
    GROUP BY taxpayer_key, period
),
judged AS (
    SELECT
        c.taxpayer_key,
        c.relief,
        s.too_large IS NOT NULL OR t.kind = 'individual_business' OR g.taxpayer_key IS NULL OR c.as_small AS is_known,
        coalesce(s.too_large, c.as_small) AND g.taxpayer_key IS NOT NULL AND t.kind <> 'individual_business' AS is_wrong
    FROM claimed AS c
    LEFT JOIN taxpayer AS t ON t.taxpayer_key = c.taxpayer_key AND t.valid_to IS NULL
    LEFT JOIN general AS g ON g.taxpayer_key = c.taxpayer_key AND g.period = c.period
    LEFT JOIN settled AS s ON s.taxpayer_key = c.taxpayer_key AND s.year = c.settled_year
)
SELECT
    taxpayer_key,
    count(*) AS six_taxes_claims_12,
    count(*) FILTER (WHERE is_known) AS six_taxes_known_12,
    count(*) FILTER (WHERE is_wrong) AS six_taxes_wrong_12,
    coalesce(sum(relief) FILTER (WHERE is_wrong), 0) AS six_taxes_wrong_relief_12
FROM judged
GROUP BY taxpayer_key
