-- paid: what reached the treasury. Grain: one row a taxpayer and month the tax belongs to.
-- Own tax: declared, assessed, found by audit, arrears; late fees and fines apart; refunds apart, as positive figures.
SELECT
    taxpayer_key,
    period,
    sum(amount) FILTER (WHERE tax_code = 'vat' AND kind IN ('declared', 'withheld', 'assessed', 'audit', 'arrears')) AS paid_vat,
    sum(amount) FILTER (WHERE tax_code = 'cit' AND kind IN ('declared', 'withheld', 'assessed', 'audit', 'arrears')) AS paid_cit,
    sum(amount) FILTER (WHERE tax_code = 'iit' AND kind IN ('declared', 'withheld', 'assessed', 'audit', 'arrears')) AS paid_iit,
    sum(amount) FILTER (WHERE tax_code = 'stamp' AND kind IN ('declared', 'withheld', 'assessed', 'audit', 'arrears')) AS paid_stamp,
    sum(amount) FILTER (WHERE tax_code = 'property' AND kind IN ('declared', 'withheld', 'assessed', 'audit', 'arrears')) AS paid_property,
    sum(amount) FILTER (WHERE tax_code = 'land_use' AND kind IN ('declared', 'withheld', 'assessed', 'audit', 'arrears')) AS paid_land_use,
    sum(amount) FILTER (WHERE tax_code = 'city_maintenance' AND kind IN ('declared', 'withheld', 'assessed', 'audit', 'arrears')) AS paid_city_maintenance,
    sum(amount) FILTER (WHERE tax_code = 'education' AND kind IN ('declared', 'withheld', 'assessed', 'audit', 'arrears')) AS paid_education,
    sum(amount) FILTER (WHERE tax_code = 'local_education' AND kind IN ('declared', 'withheld', 'assessed', 'audit', 'arrears')) AS paid_local_education,
    sum(amount) FILTER (WHERE kind = 'late_fee') AS paid_late_fee,
    sum(amount) FILTER (WHERE kind = 'fine') AS paid_fine,
    sum(abs(amount)) FILTER (WHERE kind = 'refund' AND refund_kind = 'export') AS refunded_export,
    sum(abs(amount)) FILTER (WHERE kind = 'refund' AND refund_kind = 'credit') AS refunded_credit,
    sum(abs(amount)) FILTER (WHERE kind = 'refund' AND refund_kind = 'on_collection') AS refunded_on_collection,
    count(*) FILTER (WHERE kind = 'late_fee') AS late_fee_n
FROM tax_payment
GROUP BY taxpayer_key, period
