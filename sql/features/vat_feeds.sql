-- vat_feeds: whether a source is loaded at all, so that "no row" may be read as none. Grain: one row a taxpayer of the register in force.
-- 0 where the source has any row by $as_of, null where it has none: coalesce(trailing(paid_vat, 3), vat_feeds_paid).
WITH loaded AS (
    SELECT
        (SELECT count(*) FROM tax_payment WHERE tax_code = 'vat' AND period <= $as_of) > 0 AS paid,
        (SELECT count(*) FROM deduction_claim WHERE claimed_period <= $as_of) > 0 AS claims,
        (SELECT count(*) FROM customs_declaration WHERE period <= $as_of) > 0 AS customs,
        (SELECT count(*) FROM benefit_claim WHERE tax_code = 'vat' AND period <= $as_of) > 0 AS reliefs,
        (SELECT count(*) FROM invoice WHERE deducted_period <= $as_of) > 0 AS deducted,
        (SELECT count(*) FROM invoice WHERE kind IN ('agri_purchase', 'agri_own') AND period <= $as_of) > 0 AS agri,
        (SELECT count(*) FROM invoice WHERE original_invoice_id IS NOT NULL AND period <= $as_of) > 0 AS red
)
SELECT
    t.taxpayer_key,
    CASE WHEN paid THEN CAST(0 AS BIGINT) END AS vat_feeds_paid,
    CASE WHEN claims THEN CAST(0 AS BIGINT) END AS vat_feeds_claims,
    CASE WHEN customs THEN CAST(0 AS BIGINT) END AS vat_feeds_customs,
    CASE WHEN reliefs THEN CAST(0 AS BIGINT) END AS vat_feeds_reliefs,
    CASE WHEN deducted THEN CAST(0 AS BIGINT) END AS vat_feeds_deducted,
    CASE WHEN agri THEN CAST(0 AS BIGINT) END AS vat_feeds_agri,
    CASE WHEN red THEN CAST(0 AS BIGINT) END AS vat_feeds_red
FROM taxpayer AS t
CROSS JOIN loaded
WHERE t.valid_to IS NULL
