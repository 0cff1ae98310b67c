-- small_reliefs: VAT reliefs of small-scale taxpayers (1 percent instead of 3, code 0001011608) claimed for periods that were filed on the
-- return of general taxpayers, over the 12 months ending $as_of. Grain: one row a taxpayer of the register in force. A period with returns
-- of both forms (the quarter in which the status changed) is not counted. Null where no relief of anybody is loaded.
WITH loaded AS (
    SELECT count(*) > 0 AS known FROM benefit_claim
),
claimed AS (
    SELECT taxpayer_key, period, sum(relief) AS relief
    FROM benefit_claim
    WHERE relief_code = '0001011608' AND relief > 0 AND period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key, period
),
filed AS (
    SELECT taxpayer_key, period, bool_or(form = 'general') AND NOT bool_or(form = 'small') AS is_general
    FROM vat_return
    WHERE period BETWEEN period_add($as_of, -11) AND $as_of
    GROUP BY taxpayer_key, period
),
found AS (
    SELECT
        c.taxpayer_key,
        count(*) AS n,
        count(*) FILTER (WHERE f.is_general) AS wrong,
        coalesce(sum(c.relief) FILTER (WHERE f.is_general), 0) AS relief
    FROM claimed AS c
    LEFT JOIN filed AS f ON f.taxpayer_key = c.taxpayer_key AND f.period = c.period
    GROUP BY c.taxpayer_key
)
SELECT
    t.taxpayer_key,
    CASE WHEN known THEN coalesce(f.n, 0) END AS small_reliefs_n,
    CASE WHEN known THEN coalesce(f.wrong, 0) END AS small_reliefs_wrong,
    CAST(CASE WHEN known THEN coalesce(f.relief, 0) END AS DECIMAL(28, 2)) AS small_reliefs_wrong_relief
FROM taxpayer AS t
CROSS JOIN loaded
LEFT JOIN found AS f ON f.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
