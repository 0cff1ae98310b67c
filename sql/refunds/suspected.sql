-- suspected: high suspicions of VAT in the last scan by the month of $day, of those with an application under way. Grain: one row a
-- suspicion.
SELECT i.taxpayer_key, i.task_no AS number, i.indicator, i.name_zh, CAST(i.as_of AS BIGINT) AS as_of
FROM task_item AS i
WHERE i.as_of = (SELECT max(as_of) FROM scan_run WHERE as_of <= period_of(DATE '$day'))
    AND i.tax = 'vat' AND i.severity = 'high'
    AND i.taxpayer_key IN (SELECT taxpayer_key FROM refund_application WHERE decision IS NULL OR decided_on > DATE '$day')
ORDER BY i.taxpayer_key, i.indicator
