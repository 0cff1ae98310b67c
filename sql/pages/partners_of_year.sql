-- Partners of the twelve months up to $as_of, the ten largest, with their share of everything (consumers without a number included) and how
-- they stand: grade of the latest scan, external lists they are on. Who is not registered here has no name here.
-- $own_key, $partner_key, $own_rollup, $own_amount: the side of the trade the taxpayer is on.
WITH trade AS (
    SELECT $partner_key AS partner_key, sum(n) AS n, sum(amount) AS amount, sum(tax) AS tax, count(DISTINCT period) AS months
    FROM rollup_trade
    WHERE $own_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
    GROUP BY $partner_key
    ORDER BY amount DESC, $partner_key
    LIMIT 10
),
everything AS (
    SELECT sum($own_amount) AS amount FROM $own_rollup WHERE taxpayer_key = $key AND period > period_add($as_of, -12) AND period <= $as_of
),
listed AS (
    SELECT subject_id, string_agg(DISTINCT list, '、') AS lists
    FROM risk_list
    WHERE subject_kind = 'taxpayer' AND listed_on <= period_end($as_of) AND (delisted_on IS NULL OR delisted_on > period_end($as_of))
    GROUP BY subject_id
)
SELECT
    trade.partner_key,
    p.party_id AS partner_id,
    t.name,
    trade.n,
    trade.months,
    trade.amount,
    trade.tax,
    CAST(trade.amount AS DOUBLE) / nullif(CAST(everything.amount AS DOUBLE), 0) AS share,
    t.status,
    s.grade,
    listed.lists
FROM trade
CROSS JOIN everything
LEFT JOIN party AS p ON p.party_key = trade.partner_key
LEFT JOIN taxpayer AS t ON t.taxpayer_key = trade.partner_key AND t.valid_to IS NULL
LEFT JOIN score AS s ON s.taxpayer_key = trade.partner_key AND s.as_of = (SELECT max(as_of) FROM scan_run WHERE as_of <= $as_of)
LEFT JOIN listed ON listed.subject_id = p.party_id
ORDER BY trade.amount DESC, p.party_id
