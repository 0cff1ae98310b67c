-- The last month with invoices, else the last declared for.
SELECT coalesce((SELECT max(period) FROM invoice), (SELECT max(period) FROM vat_return)) AS as_of
