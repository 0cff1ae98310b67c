-- loaded: whether sources hold anything, and the month of the last scan by $day. Grain: one row.
SELECT
    (SELECT count(*) FROM enforcement_case) > 0 AS cases,
    (SELECT count(*) FROM vat_mismatch) > 0 AS mismatches,
    (SELECT count(*) FROM (SELECT 1 FROM invoice LIMIT 1) AS i) > 0 AS invoices,
    (SELECT count(*) FROM (SELECT 1 FROM invoice WHERE deducted_period IS NOT NULL LIMIT 1) AS d) > 0
        OR (SELECT count(*) FROM (SELECT 1 FROM deduction_claim LIMIT 1) AS c) > 0 AS deductions,
    CAST((SELECT max(as_of) FROM scan_run WHERE as_of <= period_of(DATE '$day')) AS BIGINT) AS scanned
