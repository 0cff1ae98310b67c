-- Customs declarations of the twelve months up to $as_of. Values of one currency a row: currencies do not add up.
SELECT period, direction, currency, count(DISTINCT declaration_no) AS declarations, sum(fob) AS fob, sum(duty) AS duty, sum(import_vat) AS import_vat
FROM customs_declaration
WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
GROUP BY period, direction, currency
ORDER BY period, direction, currency
