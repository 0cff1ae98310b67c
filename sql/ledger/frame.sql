-- frame: whom a random draw may choose: taxpayers of the register in normal operation. Grain: one row a taxpayer.
SELECT taxpayer_key, taxpayer_id, name, office_code, industry_code, status, credit_rating
FROM (
    SELECT *, row_number() OVER (PARTITION BY taxpayer_key ORDER BY valid_from DESC) AS place
    FROM taxpayer
    WHERE valid_to IS NULL
) AS t
WHERE place = 1 AND status = 'normal' AND taxpayer_id IS NOT NULL
ORDER BY taxpayer_id
