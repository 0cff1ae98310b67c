-- Financial statements up to $as_of, the newest six.
SELECT period, period_type, cash, receivables, inventory, total_assets, payables, total_liabilities, equity, revenue, cost, profit
FROM financial_statement
WHERE taxpayer_key = $key AND period > period_add($as_of, -36) AND period <= $as_of
ORDER BY period DESC, period_type
LIMIT 6
