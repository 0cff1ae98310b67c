-- judge: the outcome of every claim of the months at hand. Grain: one row a claim. The first that fits is the outcome:
--   withdrawn     the buyer took the claim back, from that month on
--   cannot_tell   no such document, but no document at all of the month stated is held (of the month claimed, where no date is stated),
--                 so nobody can say it is missing
--   missing       缺联: no such document; until the audit period is over it is missing_pending (滞留)
--   voided        属于作废: the document is void
--   lost_control  属于失控 (now 异常凭证): on the list when claimed, or of that status while no list has it
--   mismatch      不符: a compared field differs (issue date, seller, buyer, amount, tax); `differs` names them
--   cannot_tell   nothing differs, but a field is unknown on one side; `unknown` names them
--   duplicate     重号: another claim in force names the same document, from the month in which both stand
--   match         相符
-- The audit period is that of import VAT receipts (claimed in the month of issue: that month and two more; in the next: that and one
-- more; later: the month claimed), which no rule gives for invoices: for these it is our default.
WITH in_force AS (
    SELECT invoice_id, buyer_key, claimed_period FROM audit.claim WHERE withdrawn_on IS NULL
    UNION ALL
    SELECT s.invoice_id, s.buyer_key, s.claimed_period
    FROM audit.stray AS s
    JOIN audit.months AS stated ON stated.period = s.period
    JOIN audit.elsewhere AS d ON d.invoice_id = s.invoice_id
    JOIN audit.months AS m ON m.period = d.period
    WHERE NOT stated.at_hand AND m.at_hand
),
repeated AS (
    SELECT invoice_id FROM in_force GROUP BY invoice_id HAVING count(*) > 1
),
copy AS (
    SELECT f.invoice_id, f.buyer_key, f.claimed_period FROM in_force AS f JOIN repeated AS r ON r.invoice_id = f.invoice_id
),
other AS (
    SELECT a.invoice_id, a.buyer_key, a.claimed_period, min(b.claimed_period) AS other_period
    FROM copy AS a
    JOIN copy AS b ON b.invoice_id = a.invoice_id
    WHERE b.buyer_key <> a.buyer_key OR b.claimed_period <> a.claimed_period
    GROUP BY a.invoice_id, a.buyer_key, a.claimed_period
),
compared AS (
    SELECT
        c.period,
        c.buyer_key,
        c.buyer_id,
        c.invoice_id,
        c.claimed_period,
        c.seller_key,
        c.seller_id,
        c.issued_on,
        c.amount,
        c.tax,
        c.withdrawn_on,
        d.invoice_id IS NOT NULL AS found,
        d.kind AS document_kind,
        d.period AS document_period,
        d.status AS document_status,
        d.issued_on AS document_issued_on,
        d.seller_id AS document_seller_id,
        d.buyer_id AS document_buyer_id,
        d.amount AS document_amount,
        d.tax AS document_tax,
        h.period IS NOT NULL AS month_held,
        d.seller_name AS document_seller_name,
        l.listed_on,
        l.in_force AS listed,
        o.other_period,
        concat_ws(',',
            CASE WHEN d.issued_on <> c.issued_on THEN 'issued_on' END,
            CASE WHEN d.seller_key <> c.seller_key THEN 'seller_id' END,
            CASE WHEN d.buyer_key <> c.buyer_key THEN 'buyer_id' END,
            CASE WHEN d.amount <> c.amount THEN 'amount' END,
            CASE WHEN d.tax <> c.tax THEN 'tax' END
        ) AS differs,
        concat_ws(',',
            CASE WHEN d.issued_on IS NULL OR c.issued_on IS NULL THEN 'issued_on' END,
            CASE WHEN d.seller_key IS NULL OR c.seller_key IS NULL THEN 'seller_id' END,
            CASE WHEN d.buyer_key IS NULL THEN 'buyer_id' END,
            CASE WHEN d.amount IS NULL OR c.amount IS NULL THEN 'amount' END,
            CASE WHEN d.tax IS NULL OR c.tax IS NULL THEN 'tax' END
        ) AS unknown
    FROM audit.claim AS c
    LEFT JOIN audit.document AS d ON d.invoice_id = c.invoice_id
    LEFT JOIN audit.held AS h ON h.period = CASE WHEN c.period > 0 THEN c.period ELSE c.claimed_period END
    LEFT JOIN audit.listed AS l ON l.invoice_id = c.invoice_id AND l.buyer_key = c.buyer_key AND l.claimed_period = c.claimed_period
    LEFT JOIN other AS o ON o.invoice_id = c.invoice_id AND o.buyer_key = c.buyer_key AND o.claimed_period = c.claimed_period
),
judged AS (
    SELECT
        *,
        CASE
            WHEN withdrawn_on IS NOT NULL THEN 'withdrawn'
            WHEN NOT found AND NOT month_held THEN 'cannot_tell'
            WHEN NOT found THEN 'missing'
            WHEN document_status = 'void' THEN 'voided'
            WHEN listed OR (listed_on IS NULL AND document_status IN ('lost_control', 'abnormal')) THEN 'lost_control'
            WHEN differs <> '' THEN 'mismatch'
            WHEN unknown <> '' THEN 'cannot_tell'
            WHEN other_period IS NOT NULL THEN 'duplicate'
            ELSE 'match'
        END AS outcome
    FROM compared
)
SELECT
    period,
    buyer_key,
    buyer_id,
    invoice_id,
    claimed_period,
    outcome,
    CASE
        WHEN outcome = 'missing' THEN period_add(claimed_period, CASE period_diff(claimed_period, nullif(period, 0)) WHEN 0 THEN 3 WHEN 1 THEN 2 ELSE 1 END)
        WHEN outcome = 'duplicate' THEN greatest(claimed_period, other_period)
        WHEN outcome = 'withdrawn' THEN greatest(claimed_period, period_of(withdrawn_on))
        ELSE claimed_period
    END AS since,
    CASE WHEN outcome = 'mismatch' THEN differs END AS differs,
    CASE WHEN outcome = 'cannot_tell' THEN CASE WHEN found THEN unknown ELSE 'document' END END AS unknown,
    seller_key,
    seller_id,
    issued_on,
    amount,
    tax,
    document_kind,
    document_period,
    document_status,
    document_issued_on,
    document_seller_id,
    document_seller_name,
    document_buyer_id,
    document_amount,
    document_tax,
    listed_on
FROM judged
