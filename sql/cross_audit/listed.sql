-- listed: claims whose voucher stands on the list of lost-control invoices or abnormal vouchers (失控发票, 异常凭证), on whatever
-- day. in_force: listed by the end of the month claimed, and not yet taken off. Grain: one row a claim.
SELECT
    coalesce(period_of(c.issued_on), 0) AS period,
    c.invoice_id,
    c.buyer_key,
    c.claimed_period,
    min(r.listed_on) AS listed_on,
    bool_or(r.listed_on <= period_end(c.claimed_period) AND (r.delisted_on IS NULL OR r.delisted_on > period_end(c.claimed_period))) AS in_force
FROM deduction_claim AS c
JOIN risk_list AS r ON r.subject_id = c.invoice_id
WHERE r.subject_kind = 'invoice' AND r.list IN ('失控发票', '异常凭证') AND c.withdrawn_on IS NULL
GROUP BY c.issued_on, c.invoice_id, c.buyer_key, c.claimed_period
