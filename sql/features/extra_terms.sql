-- extra_terms: what an extra deduction (加计抵减) in the return of $as_of rests on. Grain: one row a taxpayer with a return as a general
-- taxpayer for $as_of. base: input tax less what is transferred out (a refund of credit is no such transfer) less the share of exports in all
-- sales; it accrues at the rate of the policy. since_2019, since_2023: base summed from April 2019 and January 2023 to $as_of; used_2019,
-- used_2023: deducted from then to the month before; null where returns of the first of these months may be missing. zero: 0 where any
-- return states an extra deduction, else null.
WITH filed AS (
    SELECT
        taxpayer_key,
        period,
        coalesce(extra_deduction, 0) AS used,
        input_tax,
        coalesce(input_transfer_out, 0) AS transfer_out,
        coalesce(refund_of_credit, 0) AS refund,
        coalesce(lag(refund_of_credit) OVER (PARTITION BY taxpayer_key ORDER BY period), 0) AS last_refund,
        coalesce(export_sales, 0) AS exports,
        coalesce(taxable_sales, 0) + coalesce(simple_sales, 0) + coalesce(export_sales, 0) + coalesce(exempt_sales, 0) AS sales
    FROM vat_return
    WHERE form = 'general' AND period BETWEEN 201904 AND $as_of
),
based AS (
    SELECT
        *,
        CAST((input_tax - transfer_out + CASE
            WHEN refund > 0 AND transfer_out >= refund THEN refund
            WHEN last_refund > 0 AND transfer_out >= last_refund THEN last_refund
            ELSE 0 END)
            * (1 - CASE WHEN exports > 0 AND sales > 0 THEN CAST(exports AS DOUBLE) / CAST(sales AS DOUBLE) ELSE 0 END) AS DECIMAL(28, 2)) AS base
    FROM filed
),
whole AS (
    SELECT min(period) AS first FROM vat_return WHERE form = 'general'
),
own AS (
    SELECT taxpayer_key, min(period) AS first FROM vat_return WHERE form = 'general' GROUP BY taxpayer_key
),
loaded AS (
    SELECT (SELECT count(extra_deduction) FROM vat_return WHERE period <= $as_of) > 0 AS extras
)
SELECT
    b.taxpayer_key,
    CAST(sum(base) FILTER (WHERE period = $as_of) AS DECIMAL(28, 2)) AS extra_terms_base,
    CAST(CASE WHEN max(own.first) <= 201904 OR max(own.first) > max(whole.first) THEN sum(base) END AS DECIMAL(28, 2)) AS extra_terms_since_2019,
    CAST(CASE WHEN max(own.first) <= 201904 OR max(own.first) > max(whole.first)
        THEN coalesce(sum(used) FILTER (WHERE period < $as_of), 0) END AS DECIMAL(28, 2)) AS extra_terms_used_2019,
    CAST(CASE WHEN max(own.first) <= 202301 OR max(own.first) > max(whole.first)
        THEN coalesce(sum(base) FILTER (WHERE period >= 202301), 0) END AS DECIMAL(28, 2)) AS extra_terms_since_2023,
    CAST(CASE WHEN max(own.first) <= 202301 OR max(own.first) > max(whole.first)
        THEN coalesce(sum(used) FILTER (WHERE period >= 202301 AND period < $as_of), 0) END AS DECIMAL(28, 2)) AS extra_terms_used_2023,
    CAST(CASE WHEN bool_or(loaded.extras) THEN 0 END AS DECIMAL(28, 2)) AS extra_terms_zero
FROM based AS b
JOIN own ON own.taxpayer_key = b.taxpayer_key
CROSS JOIN whole
CROSS JOIN loaded
GROUP BY b.taxpayer_key
HAVING max(period) = $as_of
