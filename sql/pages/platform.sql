-- Sales on platforms in the twelve months up to $as_of.
SELECT period, string_agg(DISTINCT platform, '、') AS platforms, sum(orders) AS orders, sum(gross) AS gross, sum(refunded) AS refunded
FROM platform_sales
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY period
ORDER BY period
