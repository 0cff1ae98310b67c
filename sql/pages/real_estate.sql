-- Deals in real estate by the end of $as_of, the newest first.
SELECT signed_on, kind, deal_no, area, price
FROM real_estate
WHERE taxpayer_key = $key AND signed_on <= period_end($as_of)
ORDER BY signed_on DESC, deal_no
LIMIT 20
