"""The cross-audit anew: every claim joined to its document, whatever month either lies in. In place of the tables `claim_audit` (here with
the claims that match, too) and `claim_tally` that a scan reads."""

JUDGED = """
WITH claim AS (
    SELECT c.*, coalesce(period_of(c.issued_on), 0) AS stated, row_number() OVER () AS n FROM deduction_claim AS c
),
listed AS (
    SELECT c.n, bool_or(r.listed_on <= period_end(c.claimed_period) AND (r.delisted_on IS NULL OR r.delisted_on > period_end(c.claimed_period))) AS by_then
    FROM claim AS c JOIN risk_list AS r ON r.subject_id = c.invoice_id AND r.subject_kind = 'invoice' AND r.list IN ('失控发票', '异常凭证')
    GROUP BY c.n
),
named AS (
    SELECT invoice_id FROM claim WHERE withdrawn_on IS NULL GROUP BY invoice_id HAVING count(*) > 1
),
others AS (
    SELECT a.n, min(b.claimed_period) AS other
    FROM claim AS a JOIN named USING (invoice_id) JOIN claim AS b ON b.invoice_id = a.invoice_id AND b.n <> a.n AND b.withdrawn_on IS NULL
    GROUP BY a.n
),
joined AS (
    SELECT c.*, d.kind, d.invoice_id IS NOT NULL AS found, d.status, l.by_then, o.other,
        CAST(d.issued_at AS DATE) <> c.issued_on OR d.seller_key <> c.seller_key OR d.buyer_key <> c.buyer_key OR d.amount <> c.amount OR d.tax <> c.tax AS differs,
        (CAST(d.issued_at AS DATE) = c.issued_on AND d.seller_key = c.seller_key AND d.buyer_key = c.buyer_key AND d.amount = c.amount AND d.tax = c.tax) IS NULL AS open,
        EXISTS (SELECT 1 FROM (SELECT DISTINCT period FROM invoice) AS h WHERE h.period = CASE WHEN c.stated > 0 THEN c.stated ELSE c.claimed_period END) AS held
    FROM claim AS c
    LEFT JOIN invoice AS d ON d.invoice_id = c.invoice_id
    LEFT JOIN listed AS l ON l.n = c.n
    LEFT JOIN others AS o ON o.n = c.n
),
judged AS (
    SELECT *, CASE
        WHEN withdrawn_on IS NOT NULL THEN 'withdrawn'
        WHEN NOT found THEN CASE WHEN held THEN 'missing' ELSE 'cannot_tell' END
        WHEN status = 'void' THEN 'voided'
        WHEN by_then OR (by_then IS NULL AND status IN ('lost_control', 'abnormal')) THEN 'lost_control'
        WHEN differs THEN 'mismatch'
        WHEN open THEN 'cannot_tell'
        WHEN other IS NOT NULL THEN 'duplicate'
        ELSE 'match' END AS outcome
    FROM joined
)
"""

CLAIM_AUDIT = f"""{JUDGED}
SELECT stated AS period, buyer_key AS taxpayer_key, invoice_id, claimed_period, outcome, kind AS document_kind, amount, tax,
    CASE outcome WHEN 'missing' THEN period_add(claimed_period, 1 + greatest(0, CASE WHEN stated > 0 AND claimed_period >= stated THEN 2 - period_diff(claimed_period, stated) ELSE 0 END))
        WHEN 'duplicate' THEN greatest(claimed_period, other) WHEN 'withdrawn' THEN greatest(claimed_period, period_of(withdrawn_on)) ELSE claimed_period END AS since
FROM judged
"""

CLAIM_TALLY = """
SELECT period, taxpayer_key, claimed_period, outcome, since,
    CASE WHEN document_kind IN ('special', 'e_special', 'vehicle') THEN 'special' WHEN document_kind = 'customs' THEN 'customs'
        WHEN document_kind IS NOT NULL THEN 'other' END AS kind,
    count(*) AS n, sum(amount) AS amount, sum(tax) AS tax
FROM claim_audit
GROUP BY ALL
"""

# In the order in which they are made: the second reads the first.
TABLES = {"claim_audit": CLAIM_AUDIT, "claim_tally": CLAIM_TALLY}
