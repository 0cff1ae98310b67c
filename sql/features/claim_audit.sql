-- claim_audit: claims of the 12 months ending $as_of held against the invoices themselves. Grain: one row a buyer with claims in force.
-- The first that fits: void (the invoice is void), listed (status lost_control or abnormal), mismatch (seller, buyer, amount or tax
-- differ from the invoice), missing (no such invoice, though others of that buyer and month are held). gone: the seller
-- is declared non-normal or stands on the list 走逃失联 or 非正常户 by $as_of. again: claims withdrawn and claimed anew.
WITH claim AS (
    SELECT buyer_key, invoice_id, claimed_period, seller_key, seller_id, issued_on, amount, tax, withdrawn_on
    FROM deduction_claim
    WHERE claimed_period > period_add($as_of, -12) AND claimed_period <= $as_of
),
in_force AS (
    SELECT * FROM claim WHERE withdrawn_on IS NULL
),
document AS (
    SELECT invoice_id, seller_key, buyer_key, amount, tax, status FROM invoice
    WHERE invoice_id IN (SELECT invoice_id FROM in_force)
),
held AS (
    SELECT taxpayer_key AS buyer_key, period FROM rollup_bought WHERE period > period_add($as_of, -72) AND bought_n > 0
),
gone AS (
    SELECT t.taxpayer_key FROM taxpayer AS t WHERE t.valid_to IS NULL AND t.status = 'abnormal'
    UNION
    SELECT p.party_key FROM risk_list AS r JOIN party AS p ON p.party_id = r.subject_id
    WHERE r.subject_kind = 'taxpayer' AND r.list IN ('走逃失联', '非正常户') AND r.listed_on <= period_end($as_of)
        AND (r.delisted_on IS NULL OR r.delisted_on > period_end($as_of))
),
judged AS (
    SELECT
        c.buyer_key,
        c.tax,
        CASE
            WHEN d.status = 'void' THEN 'void'
            WHEN d.status IN ('lost_control', 'abnormal') THEN 'listed'
            WHEN d.invoice_id IS NOT NULL AND (d.buyer_key <> c.buyer_key OR d.seller_key <> c.seller_key
                OR abs(d.amount - c.amount) > 0.01 OR abs(d.tax - c.tax) > 0.01) THEN 'mismatch'
            WHEN d.invoice_id IS NULL AND h.buyer_key IS NOT NULL THEN 'missing'
        END AS outcome,
        g.taxpayer_key IS NOT NULL AS from_gone
    FROM in_force AS c
    LEFT JOIN document AS d ON d.invoice_id = c.invoice_id
    LEFT JOIN held AS h ON h.buyer_key = c.buyer_key AND h.period = period_of(c.issued_on)
    LEFT JOIN gone AS g ON g.taxpayer_key = c.seller_key
),
counted AS (
    SELECT
        buyer_key,
        count(*) AS n,
        sum(tax) AS tax,
        count(*) FILTER (WHERE outcome = 'void') AS void_n,
        count(*) FILTER (WHERE outcome = 'mismatch') AS mismatch_n,
        count(*) FILTER (WHERE outcome = 'missing') AS missing_n,
        sum(tax) FILTER (WHERE outcome IN ('void', 'mismatch', 'missing')) AS faulty_tax,
        count(*) FILTER (WHERE from_gone) AS gone_n,
        sum(tax) FILTER (WHERE from_gone) AS gone_tax
    FROM judged GROUP BY buyer_key
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
    coalesce(c.n, 0) AS claim_audit_n,
    CAST(coalesce(c.tax, 0) AS DECIMAL(28, 2)) AS claim_audit_tax,
    coalesce(c.void_n, 0) AS claim_audit_void_n,
    coalesce(c.mismatch_n, 0) AS claim_audit_mismatch_n,
    coalesce(c.missing_n, 0) AS claim_audit_missing_n,
    CAST(coalesce(c.faulty_tax, 0) AS DECIMAL(28, 2)) AS claim_audit_faulty_tax,
    coalesce(c.gone_n, 0) AS claim_audit_gone_n,
    CAST(coalesce(c.gone_tax, 0) AS DECIMAL(28, 2)) AS claim_audit_gone_tax,
    coalesce(w.n, 0) AS claim_audit_withdrawn_n,
    coalesce(w.again_n, 0) AS claim_audit_again_n,
    CAST(coalesce(w.again_tax, 0) AS DECIMAL(28, 2)) AS claim_audit_again_tax
FROM counted AS c
FULL JOIN withdrawn AS w ON w.buyer_key = c.buyer_key
