-- credit_refund: the latest refund of credit (留抵退税) within 12 months, what went before it and what followed. Grain: one row a general
-- taxpayer with such a refund. The refund stands in the return of the month declared for whose closing credit (or, where it is booked a month
-- later, whose opening credit) it was granted on: base is the larger of the two.
WITH returns AS (
    SELECT
        taxpayer_key,
        period,
        refund_of_credit,
        input_tax,
        opening_credit,
        closing_credit,
        coalesce(taxable_sales, 0) + coalesce(simple_sales, 0) + coalesce(export_sales, 0) + coalesce(exempt_sales, 0) AS sales
    FROM vat_return
    WHERE form = 'general' AND period BETWEEN period_add($as_of, -35) AND $as_of
),
refunds AS (
    SELECT taxpayer_key, max(period) AS last, sum(refund_of_credit) AS total_12
    FROM returns
    WHERE refund_of_credit > 0 AND period > period_add($as_of, -12)
    GROUP BY taxpayer_key
)
SELECT
    r.taxpayer_key,
    CAST(max(f.last) AS INT) AS credit_refund_period,
    CAST(max(period_diff($as_of, f.last)) AS BIGINT) AS credit_refund_age,
    max(f.total_12) AS credit_refund_12,
    sum(r.refund_of_credit) FILTER (WHERE r.period = f.last) AS credit_refund_amount,
    greatest(max(r.closing_credit) FILTER (WHERE r.period = f.last), max(r.opening_credit) FILTER (WHERE r.period = f.last)) AS credit_refund_base,
    sum(r.input_tax) FILTER (WHERE period_diff(f.last, r.period) BETWEEN 0 AND 2) AS credit_refund_input_3,
    sum(r.input_tax) FILTER (WHERE period_diff(f.last, r.period) BETWEEN 3 AND 14) AS credit_refund_input_before,
    count(*) FILTER (WHERE period_diff(f.last, r.period) BETWEEN 3 AND 14) AS credit_refund_months_before,
    greatest(
        count(*) FILTER (WHERE period_diff(f.last, r.period) BETWEEN 0 AND 5 AND r.closing_credit > 0),
        count(*) FILTER (WHERE period_diff(f.last, r.period) BETWEEN 0 AND 5 AND r.opening_credit > 0)
    ) AS credit_refund_credit_months,
    count(*) FILTER (WHERE period_diff(f.last, r.period) BETWEEN 0 AND 5) AS credit_refund_filed_months,
    max(r.closing_credit) FILTER (WHERE r.period = (f.last / 100 - 1) * 100 + 12) AS credit_refund_year_end,
    sum(r.sales) FILTER (WHERE period_diff(f.last, r.period) BETWEEN 0 AND 2) AS credit_refund_sales_3,
    CASE WHEN max(period_diff($as_of, f.last)) >= 3
        THEN coalesce(sum(r.sales) FILTER (WHERE period_diff(r.period, f.last) BETWEEN 1 AND 3), 0) END AS credit_refund_sales_after,
    CASE WHEN max(period_diff($as_of, f.last)) >= 3
        THEN 3 - count(*) FILTER (WHERE period_diff(r.period, f.last) BETWEEN 1 AND 3 AND r.sales > 0) END AS credit_refund_idle_after
FROM returns AS r
JOIN refunds AS f ON f.taxpayer_key = r.taxpayer_key
GROUP BY r.taxpayer_key
