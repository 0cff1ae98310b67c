-- land_prelevy: land value-added tax paid in advance (预征), not its settlement. Grain: one row a taxpayer and period of such a return.
-- Social housing (保障性住房) is left out: no least rate holds for it.
SELECT taxpayer_key, period, sum(base) AS land_prelevy_base, sum(tax) AS land_prelevy_tax
FROM other_tax_return
WHERE tax_code = 'land_vat' AND item LIKE '%预征%' AND item NOT LIKE '%保障%'
GROUP BY taxpayer_key, period
