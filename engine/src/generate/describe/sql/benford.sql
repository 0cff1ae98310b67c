-- First significant digit of the amounts of blue invoices.
SELECT CAST(left(ltrim(CAST(amount AS VARCHAR), '0.'), 1) AS INT) AS digit, count(*) AS invoices
FROM invoice
WHERE status <> 'void' AND amount > 0
GROUP BY 1
ORDER BY 1
