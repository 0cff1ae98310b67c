-- suspensions: times for which applications were held, begun by $day. Grain: one row a time.
SELECT application_no, reason, suspended_on, CASE WHEN resumed_on <= DATE '$day' THEN resumed_on END AS resumed_on
FROM refund_suspension
WHERE suspended_on <= DATE '$day'
ORDER BY application_no, suspended_on
