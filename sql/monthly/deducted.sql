-- deducted: documents by the month their tax was deducted. Grain: one row a buyer and month of deduction.
-- matched: in force and on no list of lost-control or abnormal vouchers, the outcome 相符 as far as the register of invoices tells it.
SELECT
    buyer_key AS taxpayer_key,
    deducted_period AS period,
    coalesce(sum(tax) FILTER (WHERE kind IN ('special', 'e_special', 'vehicle') AND status NOT IN ('void', 'lost_control', 'abnormal')), 0) AS deducted_special_matched_tax,
    coalesce(sum(tax) FILTER (WHERE kind = 'customs' AND status NOT IN ('void', 'lost_control', 'abnormal')), 0) AS deducted_customs_matched_tax,
    coalesce(sum(tax) FILTER (WHERE status IN ('void', 'lost_control', 'abnormal')), 0) AS deducted_unmatched_tax
FROM invoice
WHERE buyer_key IS NOT NULL AND deducted_period IS NOT NULL
GROUP BY buyer_key, deducted_period
