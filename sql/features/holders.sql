-- holders: how much of a taxpayer's capital natural persons hold. Grain: one row a taxpayer with a known shareholder as of $as_of.
-- A share of what is known: holders without a stated share count for nothing; null when no share is stated at all.
SELECT
    taxpayer_key,
    CAST(sum(CASE WHEN holder_kind = 'person' THEN share ELSE 0 END) AS DOUBLE) / nullif(CAST(sum(share) AS DOUBLE), 0) AS holders_person_share
FROM shareholder
WHERE (valid_from IS NULL OR valid_from <= period_end($as_of)) AND (valid_to IS NULL OR valid_to > period_end($as_of)) AND share > 0
GROUP BY taxpayer_key
