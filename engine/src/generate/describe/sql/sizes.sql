-- What each seller issued, yuan without tax; voids are no sales, and red invoices take back what they reverse.
SELECT CAST(sum(amount) AS DOUBLE) AS size
FROM invoice
WHERE status <> 'void'
GROUP BY seller_key
HAVING sum(amount) > 0
