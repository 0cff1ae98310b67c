-- fan_out: how many customers a taxpayer invoices a month, this month against its own last year.
-- Grain: one row a seller with trade in the 13 months ending $as_of.
--
-- A month without customers counts as 0 in mean and deviation (they divide by 12, not by the months present), so for a
-- firm younger than a year they are low: read them together with sold_age_months.
WITH months AS (
    SELECT seller_key, period, count(*) AS customers
    FROM rollup_trade
    WHERE period > period_add($as_of, -13) AND period <= $as_of AND n > void_n AND seller_key <> buyer_key
    GROUP BY seller_key, period
)
SELECT
    seller_key AS taxpayer_key,
    coalesce(sum(customers) FILTER (WHERE period = $as_of), 0) AS customers_now,
    coalesce(sum(customers) FILTER (WHERE period < $as_of), 0) / 12.0 AS customers_month_mean_12,
    sqrt(greatest(
        coalesce(sum(customers * customers) FILTER (WHERE period < $as_of), 0) / 12.0
            - power(coalesce(sum(customers) FILTER (WHERE period < $as_of), 0) / 12.0, 2),
        0)) AS customers_month_sd_12
FROM months
GROUP BY seller_key
