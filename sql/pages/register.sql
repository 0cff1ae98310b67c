-- The register of a taxpayer, as it stands now: codes with their names, the office with all above it. People, phone, address and device by key only.
SELECT
    t.taxpayer_id,
    t.name,
    t.kind,
    t.vat_status,
    t.industry_code,
    i.name AS industry,
    t.ownership_code,
    o.name AS ownership,
    t.region_code,
    r.name AS region,
    t.office_code,
    concat_ws(' › ', o4.name, o3.name, o2.name, o1.name, o0.name) AS office_path,
    t.registered_on,
    t.registered_capital,
    t.paid_in_capital,
    t.status,
    t.status_since,
    t.credit_rating,
    t.employees,
    t.legal_rep_key,
    t.finance_key,
    t.agent_key,
    t.phone_key,
    t.address_key,
    t.device_key,
    t.valid_from
FROM taxpayer AS t
LEFT JOIN codes.industry AS i ON i.code = t.industry_code
LEFT JOIN codes.ownership AS o ON o.code = t.ownership_code
LEFT JOIN codes.region AS r ON r.code = t.region_code
LEFT JOIN office AS o0 ON o0.office_code = t.office_code
LEFT JOIN office AS o1 ON o1.office_code = o0.parent_code
LEFT JOIN office AS o2 ON o2.office_code = o1.parent_code
LEFT JOIN office AS o3 ON o3.office_code = o2.parent_code
LEFT JOIN office AS o4 ON o4.office_code = o3.parent_code
WHERE t.taxpayer_key = $key
ORDER BY t.valid_to IS NULL DESC, t.valid_from DESC
LIMIT 1
