-- Other registered taxpayers that share a person, phone, address or device with this one, and companies joined to it by capital.
-- Grain: one row a relation and taxpayer; n counts the relation's taxpayers, of which the riskiest are listed.
WITH me AS (
    SELECT taxpayer_key, taxpayer_id, legal_rep_key, finance_key, agent_key, phone_key, address_key, device_key
    FROM taxpayer WHERE taxpayer_key = $key AND valid_to IS NULL
),
other AS (
    SELECT taxpayer_key, taxpayer_id, name, status, legal_rep_key, finance_key, agent_key, phone_key, address_key, device_key
    FROM taxpayer WHERE taxpayer_key <> $key AND valid_to IS NULL
),
holding AS (
    SELECT taxpayer_key, holder_key, holder_person_key FROM shareholder
    WHERE (valid_from IS NULL OR valid_from <= period_end($as_of)) AND (valid_to IS NULL OR valid_to > period_end($as_of))
),
edge AS (
    SELECT CAST(1 AS INT) AS rank, 'legal_rep' AS relation, o.taxpayer_key FROM other AS o JOIN me ON me.legal_rep_key = o.legal_rep_key
    UNION ALL
    SELECT CAST(2 AS INT), 'finance', o.taxpayer_key FROM other AS o JOIN me ON me.finance_key = o.finance_key
    UNION ALL
    SELECT CAST(3 AS INT), 'agent', o.taxpayer_key FROM other AS o JOIN me ON me.agent_key = o.agent_key
    UNION ALL
    SELECT CAST(4 AS INT), 'phone', o.taxpayer_key FROM other AS o JOIN me ON me.phone_key = o.phone_key
    UNION ALL
    SELECT CAST(5 AS INT), 'address', o.taxpayer_key FROM other AS o JOIN me ON me.address_key = o.address_key
    UNION ALL
    SELECT CAST(6 AS INT), 'device', o.taxpayer_key FROM other AS o JOIN me ON me.device_key = o.device_key
    UNION ALL
    SELECT CAST(7 AS INT), 'holder', h.taxpayer_key FROM holding AS h
    JOIN (SELECT DISTINCT holder_person_key FROM holding WHERE taxpayer_key = $key) AS mine ON mine.holder_person_key = h.holder_person_key
    WHERE h.taxpayer_key <> $key
    UNION ALL
    SELECT CAST(8 AS INT), 'parent', h.holder_key FROM holding AS h WHERE h.taxpayer_key = $key AND h.holder_key IS NOT NULL AND h.holder_key <> $key
    UNION ALL
    SELECT CAST(9 AS INT), 'invested', h.taxpayer_key FROM holding AS h WHERE h.holder_key = $key AND h.taxpayer_key <> $key
),
listed AS (
    SELECT subject_id, string_agg(DISTINCT list, '、') AS lists
    FROM risk_list
    WHERE subject_kind = 'taxpayer' AND listed_on <= period_end($as_of) AND (delisted_on IS NULL OR delisted_on > period_end($as_of))
    GROUP BY subject_id
),
seen AS (
    SELECT
        e.rank,
        e.relation,
        o.taxpayer_id,
        o.name,
        o.status,
        s.grade,
        s.score,
        l.lists,
        count(*) OVER (PARTITION BY e.rank) AS n,
        row_number() OVER (PARTITION BY e.rank ORDER BY s.score DESC NULLS LAST, o.taxpayer_id) AS at
    FROM (SELECT DISTINCT rank, relation, taxpayer_key FROM edge) AS e
    JOIN other AS o ON o.taxpayer_key = e.taxpayer_key
    LEFT JOIN score AS s ON s.taxpayer_key = e.taxpayer_key AND s.as_of = (SELECT max(as_of) FROM scan_run WHERE as_of <= $as_of)
    LEFT JOIN listed AS l ON l.subject_id = o.taxpayer_id
)
SELECT relation, n, taxpayer_id, name, status, grade, score, lists
FROM seen
WHERE at <= 8
ORDER BY rank, at
