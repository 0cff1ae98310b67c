-- proven: what past cases and lists say of a taxpayer by $as_of. Grain: one row a taxpayer of the register.
-- repeat_n: cases with a finding (36 months) opened after another with a finding was closed. grave_evasion_n: evasion of at least
-- 100,000 yuan and a tenth of the tax of the 12 months before the case (what was paid plus what was recovered). Cases of
-- credit years long past do not count: 24 months. *_listed: stands on the list today. rep_listed: the legal representative does.
-- A taxpayer without a row in a table has none of it; where the table is empty, nobody knows.
WITH found AS (
    SELECT taxpayer_key, case_no, opened_on, closed_on, conclusion, coalesce(tax_recovered, 0) AS recovered
    FROM enforcement_case
    WHERE closed_on BETWEEN period_start(period_add($as_of, -35)) AND period_end($as_of) AND conclusion <> 'no_issue'
),
again AS (
    SELECT taxpayer_key, count(*) AS n, sum(recovered) AS recovered, min(opened_on) AS opened_on FROM (
        SELECT DISTINCT b.taxpayer_key, b.case_no, b.recovered, b.opened_on
        FROM found AS a JOIN found AS b ON b.taxpayer_key = a.taxpayer_key AND b.opened_on > a.closed_on) AS later
    GROUP BY taxpayer_key
),
evaded AS (
    SELECT f.taxpayer_key, f.case_no, max(f.recovered) AS recovered, coalesce(sum(p.amount), 0) AS paid
    FROM found AS f
    LEFT JOIN tax_payment AS p ON p.taxpayer_key = f.taxpayer_key AND p.kind IN ('declared', 'withheld', 'assessed')
        AND p.period > period_add(period_of(f.opened_on), -13) AND p.period < period_of(f.opened_on)
    WHERE f.conclusion = 'evasion' AND f.recovered >= 100000 AND f.closed_on > period_end(period_add($as_of, -24))
    GROUP BY f.taxpayer_key, f.case_no
),
grave AS (
    SELECT taxpayer_key, count(*) AS n FROM evaded WHERE recovered * 10 >= recovered + paid GROUP BY taxpayer_key
),
fraud AS (
    SELECT taxpayer_key, count(*) AS n FROM found
    WHERE conclusion IN ('false_invoicing', 'refund_fraud') AND closed_on > period_end(period_add($as_of, -24))
    GROUP BY taxpayer_key
),
firm_list AS (
    SELECT
        subject_id,
        count(*) FILTER (WHERE list = '走逃失联') AS missing,
        count(*) FILTER (WHERE list = '重大违法') AS major,
        count(*) FILTER (WHERE list = '非正常户') AS abnormal
    FROM risk_list
    WHERE subject_kind = 'taxpayer' AND listed_on <= period_end($as_of) AND (delisted_on IS NULL OR delisted_on > period_end($as_of))
    GROUP BY subject_id
),
person_list AS (
    SELECT subject_person_key, count(*) AS n FROM risk_list
    WHERE subject_kind = 'person' AND listed_on <= period_end($as_of) AND (delisted_on IS NULL OR delisted_on > period_end($as_of))
    GROUP BY subject_person_key
),
loaded AS (
    SELECT (SELECT count(*) FROM enforcement_case) > 0 AS cases_loaded, (SELECT count(*) FROM risk_list) > 0 AS lists_loaded
)
SELECT
    t.taxpayer_key,
    CASE WHEN cases_loaded THEN coalesce(a.n, 0) END AS proven_repeat_n,
    CAST(CASE WHEN cases_loaded THEN coalesce(a.recovered, 0) END AS DECIMAL(28, 2)) AS proven_repeat_recovered,
    a.opened_on AS proven_repeat_opened_on,
    CASE WHEN cases_loaded THEN coalesce(f.n, 0) END AS proven_fraud_n,
    CASE WHEN cases_loaded THEN coalesce(g.n, 0) END AS proven_grave_evasion_n,
    CASE WHEN lists_loaded THEN coalesce(l.missing, 0) END AS proven_missing_listed,
    CASE WHEN lists_loaded THEN coalesce(l.major, 0) END AS proven_major_listed,
    CASE WHEN lists_loaded THEN coalesce(l.abnormal, 0) END AS proven_abnormal_listed,
    CASE WHEN lists_loaded THEN coalesce(p.n, 0) END AS proven_rep_listed
FROM taxpayer AS t
CROSS JOIN loaded
LEFT JOIN again AS a ON a.taxpayer_key = t.taxpayer_key
LEFT JOIN fraud AS f ON f.taxpayer_key = t.taxpayer_key
LEFT JOIN grave AS g ON g.taxpayer_key = t.taxpayer_key
LEFT JOIN firm_list AS l ON l.subject_id = t.taxpayer_id
LEFT JOIN person_list AS p ON p.subject_person_key = t.legal_rep_key
WHERE t.valid_to IS NULL
