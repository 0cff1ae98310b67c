-- qualified: qualifications held on the last day of $as_of. Grain: one row a taxpayer of the register in force; null everywhere when no
-- qualification is loaded at all.
WITH held AS (
    SELECT DISTINCT taxpayer_key, kind
    FROM qualification
    WHERE valid_from <= period_end($as_of) AND (valid_to IS NULL OR valid_to >= period_end($as_of))
),
loaded AS (
    SELECT count(*) > 0 AS known FROM qualification
)
SELECT
    t.taxpayer_key,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'high_tech'), false) END AS qualified_high_tech,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'tech_sme'), false) END AS qualified_tech_sme,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'software'), false) END AS qualified_software,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'integrated_circuit'), false) END AS qualified_integrated_circuit,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'machine_tool'), false) END AS qualified_machine_tool,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'welfare'), false) END AS qualified_welfare,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'advanced_manufacturing'), false) END AS qualified_advanced_manufacturing,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'west_encouraged'), false) END AS qualified_west,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'hainan_encouraged'), false) END AS qualified_hainan,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'pingtan_encouraged'), false) END AS qualified_pingtan,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'resource_reuse'), false) END AS qualified_resource_reuse,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'agriculture'), false) END AS qualified_agriculture,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'tech_service'), false) END AS qualified_tech_service,
    CASE WHEN known THEN coalesce(bool_or(h.kind = 'incubator'), false) END AS qualified_incubator
FROM taxpayer AS t
CROSS JOIN loaded
LEFT JOIN held AS h ON h.taxpayer_key = t.taxpayer_key
WHERE t.valid_to IS NULL
GROUP BY t.taxpayer_key, known
