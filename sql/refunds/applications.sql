-- applications: refunds of credit asked for by $day and not decided then, or decided after $since. Grain: one row an application.
-- latest: the last month with a general return filed by $day; its closing credit is what may be refunded.
WITH latest AS (
    SELECT taxpayer_key, max(period) AS latest
    FROM vat_return
    WHERE form = 'general' AND (filed_on IS NULL OR filed_on <= DATE '$day')
    GROUP BY taxpayer_key
)
SELECT
    a.application_no,
    a.taxpayer_key,
    a.taxpayer_id,
    t.name,
    t.office_code,
    o.name AS office_name,
    a.branch,
    a.decision,
    CAST(a.period AS BIGINT) AS period,
    CAST(r.latest AS BIGINT) AS latest,
    a.amount,
    a.granted,
    a.applied_on,
    a.received_on,
    a.decided_on
FROM refund_application AS a
LEFT JOIN taxpayer AS t ON t.taxpayer_key = a.taxpayer_key AND t.valid_to IS NULL
LEFT JOIN office AS o ON o.office_code = t.office_code
LEFT JOIN latest AS r ON r.taxpayer_key = a.taxpayer_key
WHERE coalesce(a.received_on, a.applied_on, DATE '$day') <= DATE '$day'
    AND (a.decided_on > DATE '$since' OR (a.decided_on IS NULL AND a.decision IS NULL))
ORDER BY a.application_no
