-- register_class: what the number of registration says of its holder. Grain: one row a taxpayer of the register in force with an
-- eighteen-character number. Characters one and two are the registering office and the class: 93 is a farmers' cooperative (GB 32100).
SELECT taxpayer_key, taxpayer_id LIKE '93%' AS register_class_cooperative
FROM taxpayer
WHERE valid_to IS NULL AND length(taxpayer_id) = 18
