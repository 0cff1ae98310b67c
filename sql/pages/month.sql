-- The month of the latest scan.
SELECT max(as_of) AS as_of FROM scan_run
