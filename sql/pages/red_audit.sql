-- Reds received against input tax transferred out: months of the three years up to $as_of where too little was, or where that cannot be told.
SELECT period, outcome, reds, red_tax, transferred_out, shortfall
FROM red_audit
WHERE taxpayer_key = $key AND period > period_add($as_of, -36) AND period <= $as_of AND outcome <> 'match'
ORDER BY period DESC
LIMIT 12
