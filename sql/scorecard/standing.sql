-- What is known of taxpayers beside the hits of a scan, as of $as_of. Grain: one row a taxpayer of the register in force of whom there is
-- a credit rating, a case closed with one of $conclusions in the last $months months (the latest), or a case still open (the latest).
WITH offence AS (
    SELECT taxpayer_key, conclusion, closed_on, row_number() OVER (PARTITION BY taxpayer_key ORDER BY closed_on DESC, case_no) AS n
    FROM enforcement_case
    WHERE conclusion IN ($conclusions) AND closed_on <= period_end($as_of) AND closed_on > period_end(period_add($as_of, -$months))
),
open AS (
    SELECT taxpayer_key, kind, case_no, row_number() OVER (PARTITION BY taxpayer_key ORDER BY opened_on DESC, case_no) AS n
    FROM enforcement_case
    WHERE opened_on <= period_end($as_of) AND (closed_on IS NULL OR closed_on > period_end($as_of))
)
SELECT
    t.taxpayer_key,
    t.credit_rating,
    f.conclusion,
    CAST(f.closed_on AS VARCHAR) AS closed_on,
    o.kind,
    o.case_no
FROM taxpayer AS t
LEFT JOIN offence AS f ON f.taxpayer_key = t.taxpayer_key AND f.n = 1
LEFT JOIN open AS o ON o.taxpayer_key = t.taxpayer_key AND o.n = 1
WHERE t.valid_to IS NULL AND (t.credit_rating IS NOT NULL OR f.n = 1 OR o.n = 1)
