-- Sales and corrections by month.
SELECT
  period,
  count(*) AS invoices,
  CAST(sum(CASE WHEN status <> 'void' THEN amount END) AS DOUBLE) AS sales,
  count(*) FILTER (WHERE status = 'void') AS voids,
  count(*) FILTER (WHERE amount < 0) AS reds,
  CAST(-sum(CASE WHEN amount < 0 THEN amount END) AS DOUBLE) AS red_amount,
  CAST(sum(CASE WHEN amount > 0 AND status <> 'void' THEN amount END) AS DOUBLE) AS blue_amount
FROM invoice
GROUP BY period
ORDER BY period
