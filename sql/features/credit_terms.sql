-- credit_terms: what a refund of credit (留抵退税) in the return of $as_of rests on. Grain: one row a taxpayer with a return as a general
-- taxpayer for $as_of. The refund is applied for, and taken off the credit, in the month after the one whose closing credit it is of; some
-- sources book it in that month itself, so where one is booked the better of both readings counts.
-- credit: closing credit of the month before, less the export refund taken off first. least: least closing credit of the six months (of a
-- quarterly filer: two quarters) before; 0 where it was no general taxpayer so long; null where returns of these months are missing.
-- march_2019, year_end: closing credit of March 2019, and of December of the year before that of the month before; 0 for who registered
-- later, null where that return is not loaded. input, agri, transport: input tax since April 2019 as far as loaded. sales_year: sales of the
-- calendar year before, brought to twelve months for who began in it. collected: refunds on collection since April 2019, null where neither
-- payments nor reliefs are loaded. zero: 0 where any return states a refund of credit, else null.
-- Who has an application under way in $as_of and no return for $as_of, but one for the month before, has a row too: asked is 1, applied the
-- refund asked for, the export refund is that of the month before, and owed the VAT in arrears by $as_of (null where no arrears are
-- loaded). In rows of returns owed is 0: what was in arrears when the refund was granted is not known.
WITH filed AS (
    SELECT *, coalesce(taxable_sales, 0) + coalesce(simple_sales, 0) + coalesce(export_sales, 0) + coalesce(exempt_sales, 0)
        + coalesce(small_exempt_sales, 0) + coalesce(small_sales_3pct, 0) + coalesce(small_sales_5pct, 0) AS sales
    FROM vat_return
    WHERE period BETWEEN 201903 AND $as_of
),
under_way AS (
    SELECT taxpayer_key, last_value(amount ORDER BY period, application_no) AS amount
    FROM refund_application
    WHERE period < $as_of AND coalesce(received_on, applied_on) <= period_end($as_of)
        AND coalesce(decided_on >= period_start($as_of), decision IS NULL)
    GROUP BY taxpayer_key
),
abroad AS (
    SELECT taxpayer_key, sum(refund) AS abroad FROM export_refund WHERE period = period_add($as_of, -1) GROUP BY taxpayer_key
),
owing AS (
    SELECT taxpayer_key, sum(amount) AS amount FROM arrears WHERE tax_code = 'vat' AND due_on <= period_end($as_of) GROUP BY taxpayer_key
),
now AS (
    SELECT taxpayer_key, opening_credit, closing_credit, refundable_tax, coalesce(refund_of_credit, 0) AS refund,
        CAST(0 AS DECIMAL(18, 2)) AS owed, CAST(NULL AS DECIMAL(18, 2)) AS applied
    FROM filed WHERE form = 'general' AND period = $as_of
    UNION ALL
    SELECT u.taxpayer_key, NULL AS opening_credit, NULL AS closing_credit, a.abroad AS refundable_tax, 0 AS refund,
        CASE WHEN l.any_arrears THEN coalesce(o.amount, 0) END AS owed, u.amount AS applied
    FROM under_way AS u
    CROSS JOIN (SELECT count(*) > 0 AS any_arrears FROM arrears) AS l
    LEFT JOIN abroad AS a ON a.taxpayer_key = u.taxpayer_key
    LEFT JOIN owing AS o ON o.taxpayer_key = u.taxpayer_key
    WHERE u.taxpayer_key IN (SELECT taxpayer_key FROM filed WHERE form = 'general' AND period = period_add($as_of, -1))
        AND u.taxpayer_key NOT IN (SELECT taxpayer_key FROM filed WHERE form = 'general' AND period = $as_of)
),
register AS (
    SELECT taxpayer_key, min(registered_on) AS registered_on FROM taxpayer WHERE valid_to IS NULL GROUP BY taxpayer_key
),
past AS (
    SELECT
        taxpayer_key,
        count(*) FILTER (WHERE form = 'general' AND period > period_add($as_of, -36) AND period % 100 NOT IN (3, 6, 9, 12)) = 0 AS quarterly,
        count(*) FILTER (WHERE form = 'small' AND period >= period_add($as_of, -6)) > 0 AS was_small,
        count(closing_credit) FILTER (WHERE form = 'general' AND period BETWEEN period_add($as_of, -6) AND period_add($as_of, -1)) AS before_n,
        min(closing_credit) FILTER (WHERE form = 'general' AND period BETWEEN period_add($as_of, -6) AND period_add($as_of, -1)) AS before_least,
        count(closing_credit) FILTER (WHERE form = 'general' AND period BETWEEN period_add($as_of, -5) AND $as_of) AS with_n,
        min(closing_credit) FILTER (WHERE form = 'general' AND period BETWEEN period_add($as_of, -5) AND $as_of) AS with_least,
        max(closing_credit) FILTER (WHERE form = 'general' AND period = period_add($as_of, -1)) AS last_closing,
        max(CASE WHEN form = 'general' THEN closing_credit ELSE 0 END) FILTER (WHERE period = 201903) AS march_2019,
        max(CASE WHEN form = 'general' THEN closing_credit ELSE 0 END) FILTER (WHERE period = (period_add($as_of, -1) / 100 - 1) * 100 + 12) AS year_end,
        max(CASE WHEN form = 'general' THEN closing_credit ELSE 0 END) FILTER (WHERE period = ($as_of / 100 - 1) * 100 + 12) AS own_year_end,
        sum(input_tax) FILTER (WHERE form = 'general' AND period >= 201904) AS input,
        sum(deducted_agri_tax) FILTER (WHERE form = 'general' AND period >= 201904) AS agri,
        sum(deducted_transport_tax) FILTER (WHERE form = 'general' AND period >= 201904) AS transport,
        count(deducted_special_tax) FILTER (WHERE form = 'general' AND period >= 201904) AS parted,
        sum(sales) FILTER (WHERE period / 100 = $as_of / 100 - 1) AS year_sales,
        sum(CASE WHEN form = 'small' OR period % 100 IN (3, 6, 9, 12) THEN 3 ELSE 1 END) FILTER (WHERE period / 100 = $as_of / 100 - 1) AS year_quarters,
        count(*) FILTER (WHERE period / 100 = $as_of / 100 - 1) AS year_n
    FROM filed
    GROUP BY taxpayer_key
),
paid_back AS (
    SELECT taxpayer_key, sum(amount) AS amount FROM tax_payment
    WHERE tax_code = 'vat' AND kind = 'refund' AND refund_kind = 'on_collection' AND period BETWEEN 201904 AND $as_of GROUP BY taxpayer_key
),
relieved AS (
    SELECT taxpayer_key, sum(relief) AS amount FROM benefit_claim
    WHERE tax_code = 'vat' AND relief_code IN ('0001024103', '0001012716', '0001121311', '0001064019') AND period BETWEEN 201904 AND $as_of
    GROUP BY taxpayer_key
),
loaded AS (
    SELECT
        (SELECT count(*) FROM tax_payment WHERE tax_code = 'vat' AND period <= $as_of) > 0
            OR (SELECT count(*) FROM benefit_claim WHERE tax_code = 'vat' AND period <= $as_of) > 0 AS collections,
        (SELECT count(refund_of_credit) FROM vat_return WHERE period <= $as_of) > 0 AS refunds
),
read AS (
    SELECT
        n.taxpayer_key, n.opening_credit, n.closing_credit, n.refundable_tax, n.refund, n.owed, n.applied,
        p.quarterly, p.before_n, p.before_least, p.with_n, p.with_least, p.last_closing, p.march_2019, p.year_end, p.own_year_end,
        p.input, p.agri, p.transport, p.parted, p.year_sales, p.year_quarters, p.year_n,
        r.registered_on,
        -- It was no general taxpayer for six months.
        r.registered_on > period_end(period_add($as_of, -6)) OR p.was_small AS short
    FROM now AS n
    JOIN past AS p ON p.taxpayer_key = n.taxpayer_key
    LEFT JOIN register AS r ON r.taxpayer_key = n.taxpayer_key
),
terms AS (
    SELECT
        *,
        CASE WHEN before_n = 6 OR (quarterly AND before_n = 2) OR before_least <= 0 THEN before_least WHEN short THEN 0 END AS least_before,
        CASE WHEN with_n = 6 OR (quarterly AND with_n = 2) OR with_least <= 0 THEN with_least WHEN short THEN 0 END AS least_with,
        coalesce(opening_credit, last_closing) - coalesce(refundable_tax, 0) AS credit_before,
        CASE WHEN registered_on > DATE '2019-03-31' THEN 0 ELSE march_2019 END AS march,
        CASE WHEN registered_on > period_end((period_add($as_of, -1) / 100 - 1) * 100 + 12) THEN 0 ELSE year_end END AS december,
        CASE WHEN registered_on > period_end(($as_of / 100 - 1) * 100 + 12) THEN 0 ELSE own_year_end END AS own_december
    FROM read
)
SELECT
    t.taxpayer_key,
    CAST(CASE WHEN refund > 0 THEN greatest(credit_before, closing_credit) ELSE credit_before END AS DECIMAL(28, 2)) AS credit_terms_credit,
    CAST(CASE WHEN refund > 0 THEN greatest(least_before, least_with) ELSE least_before END AS DECIMAL(28, 2)) AS credit_terms_least,
    CAST(march AS DECIMAL(28, 2)) AS credit_terms_march_2019,
    CAST(CASE WHEN refund > 0 THEN least(december, own_december) ELSE december END AS DECIMAL(28, 2)) AS credit_terms_year_end,
    CAST(CASE WHEN parted > 0 THEN input END AS DECIMAL(28, 2)) AS credit_terms_input,
    CAST(CASE WHEN parted > 0 THEN coalesce(agri, 0) END AS DECIMAL(28, 2)) AS credit_terms_agri,
    CAST(CASE WHEN parted > 0 THEN coalesce(transport, 0) END AS DECIMAL(28, 2)) AS credit_terms_transport,
    CAST(CASE
        WHEN year_n >= 12 OR (quarterly AND year_quarters = 12) THEN year_sales
        WHEN registered_on BETWEEN period_start(($as_of / 100 - 1) * 100 + 1) AND period_end(($as_of / 100 - 1) * 100 + 12)
            THEN year_sales * 12 / (13 - CAST(date_part('month', registered_on) AS INT))
    END AS DECIMAL(28, 2)) AS credit_terms_sales_year,
    CAST(CASE WHEN collections THEN greatest(coalesce(b.amount, 0), coalesce(c.amount, 0)) END AS DECIMAL(28, 2)) AS credit_terms_collected,
    CAST(CASE WHEN refunds THEN 0 END AS DECIMAL(28, 2)) AS credit_terms_zero,
    CAST(CASE WHEN applied IS NOT NULL THEN 1 END AS BIGINT) AS credit_terms_asked,
    CAST(applied AS DECIMAL(28, 2)) AS credit_terms_applied,
    CAST(owed AS DECIMAL(28, 2)) AS credit_terms_owed
FROM terms AS t
CROSS JOIN loaded
LEFT JOIN paid_back AS b ON b.taxpayer_key = t.taxpayer_key
LEFT JOIN relieved AS c ON c.taxpayer_key = t.taxpayer_key
