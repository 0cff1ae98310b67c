-- export_claims: the export refunds claimed over the 12 months ending $as_of, each with its purchase invoice, its supplier and its
-- customs declaration. Grain: one row a taxpayer with a claim in the 24 months ending $as_of.
--
-- A claim names one purchase invoice (input_invoice_id); claims that name none stand in n, fob, refund only. Facts that need the
-- invoice, the supplier's registration or the declaration count what is known of them: *_known_tax is the input tax of claims whose
-- supplier is in the register (the only ones whose industry and returns can be seen). Shares are to be taken of that, never of all.
-- trader: wholesale or retail with at most five insured persons in 12 months, so without capacity of its own. farm: the supplier's own returns of 12 months deduct half or more of their input tax as farm produce.
-- on_collection: the supplier got refunds on collection in 12 months. suspect: audits open, or closed in 24 months
-- with false invoicing or refund fraud. abnormal: the very voucher of the claim; lost: the supplier issued abnormal vouchers to anyone.
WITH claim AS (
    SELECT taxpayer_key, period, declaration_no, hs_code, fob, input_invoice_id, refund_rate, input_tax, refund
    FROM export_refund
    WHERE period > period_add($as_of, -24) AND period <= $as_of
),
voucher AS (
    SELECT i.invoice_id, i.seller_key, i.buyer_key, i.status, i.issued_at, i.amount, i.tax
    FROM invoice AS i
    WHERE i.invoice_id IN (SELECT input_invoice_id FROM claim)
),
declared AS (
    SELECT
        declaration_no,
        min(declared_on) AS declared_on,
        sum(fob) AS fob,
        CASE WHEN min(currency) = 'CNY' AND max(currency) = 'CNY' THEN sum(fob) END AS fob_yuan
    FROM customs_declaration
    WHERE direction = 'export' AND period > period_add($as_of, -36) AND period <= $as_of
    GROUP BY declaration_no
),
returns AS (
    SELECT taxpayer_key, sum(coalesce(deducted_agri_tax, 0)) AS agri, sum(coalesce(input_tax, 0)) AS input
    FROM vat_return
    WHERE form = 'general' AND period > period_add($as_of, -12) AND period <= $as_of
    GROUP BY taxpayer_key
),
staff AS (
    SELECT taxpayer_key, max(persons) AS persons FROM social_insurance
    WHERE period > period_add($as_of, -12) AND period <= $as_of GROUP BY taxpayer_key
),
returned AS (
    SELECT DISTINCT taxpayer_key FROM tax_payment
    WHERE kind = 'refund' AND refund_kind = 'on_collection' AND period > period_add($as_of, -12) AND period <= $as_of
),
lost AS (
    SELECT DISTINCT seller_key FROM invoice
    WHERE status IN ('lost_control', 'abnormal') AND period > period_add($as_of, -24) AND period <= $as_of
),
suspect AS (
    SELECT DISTINCT taxpayer_key FROM enforcement_case
    WHERE kind = 'audit' AND opened_on <= period_end($as_of) AND (closed_on IS NULL OR closed_on > period_end($as_of)
        OR (conclusion IN ('false_invoicing', 'refund_fraud') AND closed_on > period_end(period_add($as_of, -24))))
),
joined AS (
    SELECT
        c.taxpayer_key,
        c.period > period_add($as_of, -12) AS recent,
        c.fob,
        c.input_tax,
        c.refund,
        c.refund_rate,
        c.hs_code,
        c.input_invoice_id,
        v.invoice_id,
        v.status,
        v.seller_key,
        v.buyer_key,
        v.amount,
        v.tax,
        v.seller_key = c.taxpayer_key AS own,
        d.declared_on - CAST(v.issued_at AS DATE) AS held_days,
        d.fob_yuan,
        s.taxpayer_key AS supplier,
        s.industry_code,
        f.persons,
        r.agri,
        r.input,
        b.taxpayer_key IS NOT NULL AS on_collection,
        l.seller_key IS NOT NULL AS from_lost,
        x.taxpayer_key IS NOT NULL AS from_suspect
    FROM claim AS c
    LEFT JOIN voucher AS v ON v.invoice_id = c.input_invoice_id
    LEFT JOIN declared AS d ON d.declaration_no = c.declaration_no
    LEFT JOIN taxpayer AS s ON s.taxpayer_key = v.seller_key AND s.valid_to IS NULL
    LEFT JOIN staff AS f ON f.taxpayer_key = v.seller_key
    LEFT JOIN returns AS r ON r.taxpayer_key = v.seller_key
    LEFT JOIN returned AS b ON b.taxpayer_key = v.seller_key
    LEFT JOIN lost AS l ON l.seller_key = v.seller_key
    LEFT JOIN suspect AS x ON x.taxpayer_key = v.seller_key
),
used AS (
    SELECT DISTINCT taxpayer_key, seller_key FROM joined WHERE NOT recent AND seller_key IS NOT NULL
),
own_case AS (
    SELECT taxpayer_key FROM suspect
)
SELECT
    j.taxpayer_key,
    count(*) FILTER (WHERE recent) AS export_claims_n,
    CAST(coalesce(sum(fob) FILTER (WHERE recent), 0) AS DECIMAL(28, 2)) AS export_claims_fob,
    CAST(coalesce(sum(refund) FILTER (WHERE recent), 0) AS DECIMAL(28, 2)) AS export_claims_refund,
    CAST(coalesce(sum(refund) FILTER (WHERE NOT recent), 0) AS DECIMAL(28, 2)) AS export_claims_prev_refund,
    CAST(coalesce(sum(input_tax) FILTER (WHERE recent), 0) AS DECIMAL(28, 2)) AS export_claims_tax,
    count(*) FILTER (WHERE recent AND held_days IS NOT NULL) AS export_claims_dated_n,
    count(*) FILTER (WHERE recent AND held_days > 90) AS export_claims_old_n,
    CAST(coalesce(sum(refund) FILTER (WHERE recent AND held_days > 90), 0) AS DECIMAL(28, 2)) AS export_claims_old_refund,
    CAST(coalesce(sum(input_tax * (amount + tax) / nullif(tax, 0)) FILTER (WHERE recent AND tax * 25 > amount), 0) AS DECIMAL(28, 2)) AS export_claims_cost,
    CAST(coalesce(sum(fob) FILTER (WHERE recent AND tax * 25 > amount), 0) AS DECIMAL(28, 2)) AS export_claims_cost_fob,
    CAST(coalesce(sum(refund) FILTER (WHERE recent AND tax * 25 > amount), 0) AS DECIMAL(28, 2)) AS export_claims_cost_refund,
    count(*) FILTER (WHERE recent AND refund_rate = 0) AS export_claims_zero_rate_n,
    CAST(coalesce(sum(refund) FILTER (WHERE recent AND refund_rate = 0), 0) AS DECIMAL(28, 2)) AS export_claims_zero_rate_refund,
    count(DISTINCT left(hs_code, 2)) FILTER (WHERE recent) AS export_claims_chapters,
    CAST(coalesce(sum(input_tax) FILTER (WHERE recent AND j.seller_key IS NOT NULL AND NOT own), 0) AS DECIMAL(28, 2)) AS export_claims_supplied_tax,
    CAST(coalesce(sum(input_tax) FILTER (WHERE recent AND supplier IS NOT NULL AND NOT own), 0) AS DECIMAL(28, 2)) AS export_claims_known_tax,
    CAST(coalesce(sum(input_tax) FILTER (WHERE recent AND NOT own AND left(industry_code, 3) IN ('F51', 'F52') AND persons <= 5), 0) AS DECIMAL(28, 2)) AS export_claims_trader_tax,
    CAST(coalesce(sum(input_tax) FILTER (WHERE recent AND NOT own AND agri > 0 AND agri * 2 >= input), 0) AS DECIMAL(28, 2)) AS export_claims_farm_tax,
    CAST(coalesce(sum(input_tax) FILTER (WHERE recent AND NOT own AND on_collection), 0) AS DECIMAL(28, 2)) AS export_claims_on_collection_tax,
    CAST(coalesce(sum(input_tax) FILTER (WHERE recent AND NOT own AND j.seller_key IS NOT NULL AND u.seller_key IS NULL), 0) AS DECIMAL(28, 2)) AS export_claims_new_tax,
    count(DISTINCT j.seller_key) FILTER (WHERE recent AND NOT own AND from_lost) AS export_claims_lost_suppliers,
    CAST(coalesce(sum(refund) FILTER (WHERE recent AND NOT own AND from_lost), 0) AS DECIMAL(28, 2)) AS export_claims_lost_refund,
    count(*) FILTER (WHERE recent AND status IN ('lost_control', 'abnormal')) AS export_claims_abnormal_n,
    CAST(coalesce(sum(refund) FILTER (WHERE recent AND status IN ('lost_control', 'abnormal')), 0) AS DECIMAL(28, 2)) AS export_claims_abnormal_refund,
    count(*) FILTER (WHERE recent AND (status IN ('void', 'reversed', 'red') OR j.buyer_key <> j.taxpayer_key)) AS export_claims_faulty_n,
    CAST(coalesce(sum(refund) FILTER (WHERE recent AND (status IN ('void', 'reversed', 'red') OR j.buyer_key <> j.taxpayer_key)), 0) AS DECIMAL(28, 2))
        AS export_claims_faulty_refund,
    count(*) FILTER (WHERE recent AND fob_yuan IS NOT NULL) AS export_claims_compared_n,
    count(*) FILTER (WHERE recent AND abs(fob - fob_yuan) > 1) AS export_claims_differs_n,
    CAST(coalesce(sum(greatest(fob - fob_yuan, 0)) FILTER (WHERE recent AND abs(fob - fob_yuan) > 1), 0) AS DECIMAL(28, 2)) AS export_claims_over_fob,
    count(DISTINCT j.seller_key) FILTER (WHERE recent AND NOT own AND from_suspect) AS export_claims_suspect_suppliers,
    CAST(coalesce(sum(refund) FILTER (WHERE recent AND NOT own AND from_suspect), 0) AS DECIMAL(28, 2)) AS export_claims_suspect_refund,
    max(CASE WHEN o.taxpayer_key IS NOT NULL THEN 1 ELSE 0 END) AS export_claims_own_case
FROM joined AS j
LEFT JOIN used AS u ON u.taxpayer_key = j.taxpayer_key AND u.seller_key = j.seller_key
LEFT JOIN own_case AS o ON o.taxpayer_key = j.taxpayer_key
GROUP BY j.taxpayer_key
