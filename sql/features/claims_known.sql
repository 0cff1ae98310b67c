-- claims_known: whether details of reliefs are loaded. Grain: one row a taxpayer of the register in force; none where no relief of anybody is
-- loaded up to $as_of, so that who claims nothing is then unknown, not nothing.
SELECT t.taxpayer_key, CAST(0 AS DECIMAL(28, 2)) AS zero_if_claims
FROM taxpayer AS t
CROSS JOIN (SELECT count(*) AS n FROM benefit_claim WHERE period <= $as_of) AS loaded
WHERE t.valid_to IS NULL AND loaded.n > 0
