-- export_refund: claims for refund of tax on exports. Grain: one row a taxpayer and month.
SELECT
    taxpayer_key,
    period,
    count(DISTINCT declaration_no) AS refund_declarations,
    count(DISTINCT left(hs_code, 2)) AS refund_chapters,
    sum(fob) AS refund_fob,
    sum(input_tax) AS refund_input_tax,
    sum(refund) AS refund_amount
FROM export_refund
GROUP BY taxpayer_key, period
