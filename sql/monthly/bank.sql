-- bank: money in and out over all accounts reported. Grain: one row a taxpayer and month.
SELECT
    taxpayer_key,
    period,
    sum(inflow) AS bank_in,
    sum(outflow) AS bank_out,
    CAST(sum(inflow_count) AS BIGINT) AS bank_in_n,
    sum(private_inflow) AS bank_private_in,
    sum(private_outflow) AS bank_private_out,
    sum(round_trip) AS bank_round_trip
FROM bank_flow
GROUP BY taxpayer_key, period
