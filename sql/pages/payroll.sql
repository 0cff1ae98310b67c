-- Payroll of the twelve months up to $as_of, beside the heads the social insurance knows.
SELECT p.period, p.persons, p.wages, CAST(p.wages / nullif(p.persons, 0) AS DECIMAL(18, 2)) AS wage, p.wages_zero_tax_persons, p.iit_withheld, p.labour_service_pay, p.dividends, s.persons AS insured
FROM payroll AS p
LEFT JOIN social_insurance AS s ON s.taxpayer_key = p.taxpayer_key AND s.period = p.period AND s.taxpayer_key = $key
WHERE p.taxpayer_key = $key AND p.period > period_add($as_of, -12) AND p.period <= $as_of
ORDER BY p.period
