-- holder_kinds: who holds shares at the end of $as_of. Grain: one row a taxpayer with a holder on record.
SELECT
    taxpayer_key,
    count(*) FILTER (WHERE holder_kind = 'person') AS holder_kinds_person_n
FROM shareholder
WHERE (valid_from IS NULL OR valid_from <= period_end($as_of)) AND (valid_to IS NULL OR valid_to > period_end($as_of))
GROUP BY taxpayer_key
