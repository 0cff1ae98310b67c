-- Trading partners of the twelve months up to $as_of that are graded high by the latest scan, are no longer in order, or are on an
-- external list; the largest fifteen.
WITH trade AS (
    SELECT buyer_key AS partner_key, 'customer' AS side, amount FROM rollup_trade
    WHERE seller_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
    UNION ALL
    SELECT seller_key, 'supplier', amount FROM rollup_trade
    WHERE buyer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
),
partner AS (
    SELECT partner_key, side, sum(amount) AS amount FROM trade WHERE partner_key <> $key GROUP BY partner_key, side
),
listed AS (
    SELECT subject_id, string_agg(DISTINCT list, '、') AS lists
    FROM risk_list
    WHERE subject_kind = 'taxpayer' AND listed_on <= period_end($as_of) AND (delisted_on IS NULL OR delisted_on > period_end($as_of))
    GROUP BY subject_id
)
SELECT p.side, y.party_id AS partner_id, t.name, p.amount, t.status, s.grade, s.score, l.lists
FROM partner AS p
JOIN party AS y ON y.party_key = p.partner_key
LEFT JOIN taxpayer AS t ON t.taxpayer_key = p.partner_key AND t.valid_to IS NULL
LEFT JOIN score AS s ON s.taxpayer_key = p.partner_key AND s.as_of = (SELECT max(as_of) FROM scan_run WHERE as_of <= $as_of)
LEFT JOIN listed AS l ON l.subject_id = y.party_id
WHERE s.grade = 'high' OR l.lists IS NOT NULL OR t.status IN ('abnormal', 'deregistered', 'cancelled')
ORDER BY p.amount DESC, y.party_id
LIMIT 15
