-- claim_audit: claims of the 12 months ending $as_of as the cross-audit judged them. Grain: one row a buyer with claims.
-- void, mismatch, missing: outcomes `voided`, `mismatch`, `missing` (from the end of the audit period on; only where documents of that
-- month are held). gone: the seller is declared non-normal or stands on the list 走逃失联 or 非正常户 by $as_of.
-- again: claims withdrawn and claimed anew.
WITH claim AS (
    SELECT buyer_key, invoice_id, claimed_period, seller_key, tax, withdrawn_on
    FROM deduction_claim
    WHERE claimed_period > period_add($as_of, -12) AND claimed_period <= $as_of
),
outcome AS (
    SELECT
        taxpayer_key AS buyer_key,
        sum(n) AS n,
        sum(tax) AS tax,
        sum(n) FILTER (WHERE outcome = 'voided') AS void_n,
        sum(n) FILTER (WHERE outcome = 'mismatch') AS mismatch_n,
        sum(n) FILTER (WHERE outcome = 'missing' AND since <= $as_of) AS missing_n,
        sum(tax) FILTER (WHERE outcome IN ('voided', 'mismatch') OR (outcome = 'missing' AND since <= $as_of)) AS faulty_tax
    FROM claim_tally
    WHERE claimed_period > period_add($as_of, -12) AND claimed_period <= $as_of AND NOT (outcome = 'withdrawn' AND since <= $as_of)
    GROUP BY taxpayer_key
),
gone AS (
    SELECT t.taxpayer_key FROM taxpayer AS t WHERE t.valid_to IS NULL AND t.status = 'abnormal'
    UNION
    SELECT p.party_key FROM risk_list AS r JOIN party AS p ON p.party_id = r.subject_id
    WHERE r.subject_kind = 'taxpayer' AND r.list IN ('走逃失联', '非正常户') AND r.listed_on <= period_end($as_of)
        AND (r.delisted_on IS NULL OR r.delisted_on > period_end($as_of))
),
from_gone AS (
    SELECT c.buyer_key, count(*) AS n, sum(c.tax) AS tax
    FROM claim AS c
    JOIN gone AS g ON g.taxpayer_key = c.seller_key
    WHERE c.withdrawn_on IS NULL
    GROUP BY c.buyer_key
),
counted AS (
    SELECT o.*, coalesce(g.n, 0) AS gone_n, g.tax AS gone_tax
    FROM outcome AS o
    LEFT JOIN from_gone AS g ON g.buyer_key = o.buyer_key
),
withdrawn AS (
    SELECT w.buyer_key, count(*) AS n, count(*) FILTER (WHERE a.invoice_id IS NOT NULL) AS again_n,
        sum(w.tax) FILTER (WHERE a.invoice_id IS NOT NULL) AS again_tax
    FROM (SELECT * FROM claim WHERE withdrawn_on IS NOT NULL) AS w
    LEFT JOIN (SELECT buyer_key, invoice_id, max(claimed_period) AS claimed_period FROM deduction_claim
        WHERE claimed_period <= $as_of GROUP BY buyer_key, invoice_id) AS a
        ON a.buyer_key = w.buyer_key AND a.invoice_id = w.invoice_id AND a.claimed_period > w.claimed_period
    GROUP BY w.buyer_key
)
SELECT
    coalesce(c.buyer_key, w.buyer_key) AS taxpayer_key,
    CAST(coalesce(c.n, 0) AS BIGINT) AS claim_audit_n,
    CAST(coalesce(c.tax, 0) AS DECIMAL(28, 2)) AS claim_audit_tax,
    CAST(coalesce(c.void_n, 0) AS BIGINT) AS claim_audit_void_n,
    CAST(coalesce(c.mismatch_n, 0) AS BIGINT) AS claim_audit_mismatch_n,
    CAST(coalesce(c.missing_n, 0) AS BIGINT) AS claim_audit_missing_n,
    CAST(coalesce(c.faulty_tax, 0) AS DECIMAL(28, 2)) AS claim_audit_faulty_tax,
    coalesce(c.gone_n, 0) AS claim_audit_gone_n,
    CAST(coalesce(c.gone_tax, 0) AS DECIMAL(28, 2)) AS claim_audit_gone_tax,
    coalesce(w.n, 0) AS claim_audit_withdrawn_n,
    coalesce(w.again_n, 0) AS claim_audit_again_n,
    CAST(coalesce(w.again_tax, 0) AS DECIMAL(28, 2)) AS claim_audit_again_tax
FROM counted AS c
FULL JOIN withdrawn AS w ON w.buyer_key = c.buyer_key
