-- payroll: individual income tax withheld. Grain: one row a taxpayer and month.
SELECT
    taxpayer_key,
    period,
    CAST(persons AS BIGINT) AS pay_persons,
    wages AS pay_wages,
    CAST(wages_zero_tax_persons AS BIGINT) AS pay_zero_tax_persons,
    iit_withheld AS pay_iit,
    labour_service_pay AS pay_labour,
    dividends AS pay_dividends,
    annual_bonus AS pay_bonus,
    special_deductions AS pay_deductions
FROM payroll
