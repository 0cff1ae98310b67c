-- evidence: rows about those with an application under way that decide over the four reasons to hold. Grain: one row a case, mismatch or
-- voucher. state: open on $day, cleared by then (cleared_on), or unknown where a column that decides is empty.
-- A voucher (失控发票, 异常凭证) counts from the day it was listed, within 36 months of issue, if it was deducted. It is dealt with when
-- its claim was withdrawn, or the list let it go. Transfers out are not told apart by voucher: where those declared since it was listed
-- reach the tax of all open vouchers, nobody knows.
WITH who AS (
    SELECT DISTINCT taxpayer_key FROM refund_application WHERE decision IS NULL OR decided_on > DATE '$day'
),
listed AS (
    SELECT subject_id AS invoice_id, max(listed_on) AS listed_on,
        CASE WHEN count(*) = count(delisted_on) THEN max(delisted_on) END AS delisted_on
    FROM risk_list
    WHERE subject_kind = 'invoice' AND list IN ('失控发票', '异常凭证') AND listed_on <= DATE '$day'
    GROUP BY subject_id
),
bad AS (
    SELECT i.buyer_key AS taxpayer_key, i.invoice_id, i.tax, i.issued_at, i.deducted_period, l.listed_on, l.delisted_on, i._file, i._row
    FROM invoice AS i
    LEFT JOIN listed AS l ON l.invoice_id = i.invoice_id
    WHERE i.buyer_key IN (SELECT taxpayer_key FROM who)
        AND (i.status IN ('lost_control', 'abnormal') OR l.invoice_id IS NOT NULL)
        AND i.period BETWEEN period_add(period_of(DATE '$day'), -35) AND period_of(DATE '$day')
),
claim AS (
    SELECT buyer_key AS taxpayer_key, invoice_id, min(claimed_period) AS claimed, count(*) FILTER (WHERE withdrawn_on IS NULL OR withdrawn_on > DATE '$day') AS standing,
        max(withdrawn_on) AS withdrawn_on
    FROM deduction_claim
    WHERE invoice_id IN (SELECT invoice_id FROM bad) AND claimed_period <= period_of(DATE '$day')
    GROUP BY buyer_key, invoice_id
),
voucher AS (
    SELECT b.taxpayer_key, b.invoice_id, b.tax, CAST(b.issued_at AS DATE) AS issued_on, b.listed_on, b._file, b._row,
        coalesce(c.claimed, b.deducted_period) AS deducted,
        CASE WHEN b.delisted_on <= DATE '$day' THEN b.delisted_on WHEN c.standing = 0 THEN c.withdrawn_on END AS cleared_on
    FROM bad AS b
    LEFT JOIN claim AS c ON c.taxpayer_key = b.taxpayer_key AND c.invoice_id = b.invoice_id
),
standing AS (
    SELECT taxpayer_key, sum(tax) AS tax, min(greatest(deducted, coalesce(period_of(listed_on), deducted))) AS since
    FROM voucher
    WHERE deducted IS NOT NULL AND cleared_on IS NULL
    GROUP BY taxpayer_key
),
moved AS (
    SELECT s.taxpayer_key, coalesce(sum(r.input_transfer_out), 0) >= max(s.tax) AS enough
    FROM standing AS s
    LEFT JOIN vat_return AS r ON r.taxpayer_key = s.taxpayer_key AND r.form = 'general' AND r.period >= s.since
        AND (r.filed_on IS NULL OR r.filed_on <= DATE '$day')
    GROUP BY s.taxpayer_key
)
SELECT
    taxpayer_key,
    CASE WHEN kind = 'audit' THEN 'audit' WHEN kind IS NULL THEN 'audit' ELSE 'risk' END AS reason,
    CASE WHEN closed_on <= DATE '$day' THEN 'cleared' WHEN kind IS NULL THEN 'unknown' ELSE 'open' END AS state,
    'enforcement_case' AS source,
    case_no AS number,
    kind AS detail,
    opened_on AS day,
    CASE WHEN closed_on <= DATE '$day' THEN closed_on END AS cleared_on,
    CAST(NULL AS DECIMAL(18, 2)) AS amount,
    conclusion IN ('refund_fraud', 'false_invoicing') AS fraud,
    _file,
    CAST(_row AS BIGINT) AS _row
FROM enforcement_case
WHERE taxpayer_key IN (SELECT taxpayer_key FROM who) AND opened_on <= DATE '$day'
UNION ALL
SELECT
    taxpayer_key,
    'mismatch',
    CASE WHEN cleared_on <= DATE '$day' THEN 'cleared' WHEN state = 'cleared' AND cleared_on IS NULL THEN 'unknown' ELSE 'open' END,
    'vat_mismatch',
    CAST(period AS VARCHAR),
    rule,
    found_on,
    CASE WHEN cleared_on <= DATE '$day' THEN cleared_on END,
    difference,
    false,
    _file,
    CAST(_row AS BIGINT)
FROM vat_mismatch
WHERE taxpayer_key IN (SELECT taxpayer_key FROM who) AND found_on <= DATE '$day'
UNION ALL
SELECT
    v.taxpayer_key,
    'voucher',
    CASE WHEN v.cleared_on IS NOT NULL THEN 'cleared' WHEN m.enough THEN 'unknown' ELSE 'open' END,
    'invoice',
    v.invoice_id,
    CAST(v.deducted AS VARCHAR),
    coalesce(v.listed_on, v.issued_on),
    v.cleared_on,
    v.tax,
    false,
    v._file,
    CAST(v._row AS BIGINT)
FROM voucher AS v
LEFT JOIN moved AS m ON m.taxpayer_key = v.taxpayer_key
WHERE v.deducted IS NOT NULL
ORDER BY taxpayer_key, reason, day, number
