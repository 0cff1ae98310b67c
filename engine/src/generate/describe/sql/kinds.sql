-- Invoices by kind.
SELECT kind, count(*) AS invoices, CAST(sum(CASE WHEN status <> 'void' THEN amount END) AS DOUBLE) AS amount
FROM invoice
GROUP BY kind
ORDER BY count(*) DESC, kind
