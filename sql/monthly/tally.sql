-- tally: VAT returns beside invoices issued and documents ticked for the same time (票表比对). Grain: one row a taxpayer and period
-- declared for.
--
-- A month of invoices or claims belongs to the return of that month; for one who has only ever filed for months that end a quarter it
-- belongs to the quarter's return. Comparison is in total, not by rate. A difference within one yuan or a thousandth is none (a cell of
-- its own for claims: one fen); a smaller invoice total is no difference either: sales without invoices may be declared on top.
-- Issued, general: net amount in force less blue invoices without tax (exempt, zero-rated, not taxable: they have columns of their
-- own and codes 6xx are outside the comparison). Issued, small-scale: net amount in force, exempt ones included.
-- Claims are compared for special invoices and customs receipts together, as the claim does not state its kind. Customs receipts count
-- when audited as 相符: found, in force, same buyer and tax, claimed once. Where nobody has a claim (an audited receipt) in a period,
-- nothing is known of that period and the difference is null. A row with both forms in one period has no differences.
WITH filers AS (
    SELECT taxpayer_key, bool_or(period % 100 % 3 <> 0) AS monthly FROM vat_return GROUP BY taxpayer_key
),
returns AS (
    SELECT
        taxpayer_key,
        period,
        count(*) AS forms,
        bool_or(form = 'general') AS general,
        sum(CASE WHEN coalesce(taxable_sales, simple_sales, export_sales, exempt_sales, small_exempt_sales, small_sales_3pct, small_sales_5pct) IS NOT NULL
            THEN coalesce(taxable_sales, 0) + coalesce(simple_sales, 0) + coalesce(export_sales, 0)
                + greatest(coalesce(exempt_sales, 0), coalesce(small_exempt_sales, 0)) + coalesce(small_sales_3pct, 0) + coalesce(small_sales_5pct, 0) END) AS declared,
        sum(CASE WHEN coalesce(taxable_sales, simple_sales) IS NOT NULL THEN coalesce(taxable_sales, 0) + coalesce(simple_sales, 0) END) AS declared_taxed,
        sum(output_tax + coalesce(simple_tax, 0)) AS declared_tax,
        sum(deducted_special_tax + coalesce(deducted_customs_tax, 0)) AS claimed,
        sum(deducted_customs_tax) AS claimed_customs
    FROM vat_return
    GROUP BY taxpayer_key, period
),
issued AS (
    SELECT
        s.taxpayer_key,
        CASE WHEN f.monthly THEN s.period ELSE s.period + (3 - s.period % 100 % 3) % 3 END AS period,
        sum(s.sold_amount) AS amount,
        sum(s.sold_amount - s.sold_rate_zero_amount) AS taxed,
        sum(s.sold_tax) AS tax
    FROM rollup_sold AS s
    JOIN filers AS f ON f.taxpayer_key = s.taxpayer_key
    GROUP BY s.taxpayer_key, CASE WHEN f.monthly THEN s.period ELSE s.period + (3 - s.period % 100 % 3) % 3 END
),
ticked AS (
    SELECT
        c.buyer_key AS taxpayer_key,
        CASE WHEN f.monthly THEN c.claimed_period ELSE c.claimed_period + (3 - c.claimed_period % 100 % 3) % 3 END AS period,
        sum(c.tax) AS tax
    FROM deduction_claim AS c
    JOIN filers AS f ON f.taxpayer_key = c.buyer_key
    WHERE c.withdrawn_on IS NULL AND (c."use" IS NULL OR c."use" = 'deduct')
    GROUP BY c.buyer_key, CASE WHEN f.monthly THEN c.claimed_period ELSE c.claimed_period + (3 - c.claimed_period % 100 % 3) % 3 END
),
receipts AS (
    SELECT c.buyer_key, c.claimed_period, c.tax, count(*) OVER (PARTITION BY c.invoice_id) AS claims
    FROM deduction_claim AS c
    JOIN invoice AS i ON i.invoice_id = c.invoice_id AND i.buyer_key = c.buyer_key AND i.tax = c.tax
    WHERE i.kind = 'customs' AND i.status = 'valid' AND c.withdrawn_on IS NULL AND (c."use" IS NULL OR c."use" = 'deduct')
),
audited AS (
    SELECT
        c.buyer_key AS taxpayer_key,
        CASE WHEN f.monthly THEN c.claimed_period ELSE c.claimed_period + (3 - c.claimed_period % 100 % 3) % 3 END AS period,
        sum(c.tax) AS tax
    FROM receipts AS c
    JOIN filers AS f ON f.taxpayer_key = c.buyer_key
    WHERE c.claims = 1
    GROUP BY c.buyer_key, CASE WHEN f.monthly THEN c.claimed_period ELSE c.claimed_period + (3 - c.claimed_period % 100 % 3) % 3 END
),
ticked_periods AS (
    SELECT DISTINCT period FROM ticked
),
audited_periods AS (
    SELECT DISTINCT period FROM audited
),
beside AS (
    SELECT
        r.taxpayer_key,
        r.period,
        r.declared,
        r.forms,
        r.general,
        coalesce(i.amount, 0) AS amount,
        coalesce(i.tax, 0) AS tax,
        CASE WHEN r.general THEN coalesce(i.taxed, 0) - r.declared_taxed ELSE coalesce(i.amount, 0) - r.declared END AS over_sales,
        CASE WHEN r.general THEN r.declared_taxed ELSE r.declared END AS sales_base,
        CASE WHEN r.general THEN coalesce(i.tax, 0) - r.declared_tax END AS over_tax,
        r.declared_tax,
        CASE WHEN tp.period IS NOT NULL THEN r.claimed - coalesce(t.tax, 0) END AS over_claimed,
        CASE WHEN ap.period IS NOT NULL THEN r.claimed_customs - coalesce(a.tax, 0) END AS over_customs
    FROM returns AS r
    LEFT JOIN issued AS i ON i.taxpayer_key = r.taxpayer_key AND i.period = r.period
    LEFT JOIN ticked AS t ON t.taxpayer_key = r.taxpayer_key AND t.period = r.period
    LEFT JOIN audited AS a ON a.taxpayer_key = r.taxpayer_key AND a.period = r.period
    LEFT JOIN ticked_periods AS tp ON tp.period = r.period
    LEFT JOIN audited_periods AS ap ON ap.period = r.period
)
SELECT
    taxpayer_key,
    period,
    CAST(CASE WHEN declared = 0 AND amount > 1 THEN 1 WHEN declared IS NOT NULL THEN 0 END AS BIGINT) AS tally_zero_n,
    CAST(CASE WHEN declared = 0 AND amount > 1 THEN amount WHEN declared IS NOT NULL THEN 0 END AS DECIMAL(28, 2)) AS tally_zero_amount,
    CAST(CASE WHEN declared = 0 AND amount > 1 THEN tax WHEN declared IS NOT NULL THEN 0 END AS DECIMAL(28, 2)) AS tally_zero_tax,
    CAST(CASE WHEN forms > 1 OR over_sales IS NULL THEN NULL WHEN over_sales > greatest(1, sales_base / 1000) THEN over_sales ELSE 0 END AS DECIMAL(28, 2)) AS tally_sales_gap,
    CAST(CASE WHEN forms > 1 OR over_tax IS NULL THEN NULL WHEN over_tax > greatest(1, declared_tax / 1000) THEN over_tax ELSE 0 END AS DECIMAL(28, 2)) AS tally_tax_gap,
    CAST(CASE WHEN forms > 1 OR over_claimed IS NULL THEN NULL WHEN over_claimed > 0.01 THEN over_claimed ELSE 0 END AS DECIMAL(28, 2)) AS tally_claim_gap,
    CAST(CASE WHEN forms > 1 OR over_customs IS NULL THEN NULL WHEN over_customs > 0.01 THEN over_customs ELSE 0 END AS DECIMAL(28, 2)) AS tally_customs_gap
FROM beside
