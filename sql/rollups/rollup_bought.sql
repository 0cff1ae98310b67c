-- rollup_bought: what a taxpayer received in a month. Grain: one row a (buyer, month of issue) with at least one invoice.
--
-- Meaning
--   Words as in rollup_sold: in force = not void, red = in force and amount < 0, blue = in force and amount >= 0;
--   amount, tax, total are net, red_* and void_* positive, the rate classes those of rollup_sold.
--   special_tax is the tax of all special invoices in force of the month, the denominator of the 70 % rule on abnormal vouchers;
--   abnormal_* are the invoices whose status is lost_control or abnormal (失控, 异常凭证), whatever their kind.
-- Caveats
--   An invoice without buyer_key (a consumer) has no row here.
--   The month is the month of issue, not the month in which the buyer deducted.
--   special_tax and abnormal_special_tax are null where no invoice of the month states its kind.
--   An invoice without a status is counted in n only.
-- Two aggregations of the same invoices, joined a month: most figures go straight to the month; only what needs days passes
-- through a narrow day level (two figures a day, not forty), which measured 1.6 times as fast as carrying all through the days.
WITH typed AS (
    SELECT
        buyer_key,
        period,
        amount,
        tax,
        total,
        kind IN ('special', 'e_special', 'vehicle') AS is_special,
        status = 'void' AS is_void,
        status <> 'void' AND amount < 0 AS is_red,
        status <> 'void' AND amount >= 0 AS is_blue,
        status <> 'void' AS in_force,
        status IN ('lost_control', 'abnormal') AS is_abnormal,
        CAST(tax AS DOUBLE) / nullif(CAST(amount AS DOUBLE), 0) AS rate
    FROM invoice
    WHERE buyer_key IS NOT NULL
),
by_month AS (
    SELECT
        buyer_key,
        period,
        count(*) AS bought_n,
        count(*) FILTER (WHERE in_force) AS bought_valid_n,
        count(*) FILTER (WHERE is_void) AS bought_void_n,
        count(*) FILTER (WHERE is_red) AS bought_red_n,
        count(*) FILTER (WHERE is_abnormal) AS bought_abnormal_n,
        coalesce(sum(amount) FILTER (WHERE in_force), 0) AS bought_amount,
        coalesce(sum(tax) FILTER (WHERE in_force), 0) AS bought_tax,
        coalesce(sum(total) FILTER (WHERE in_force), 0) AS bought_total,
        coalesce(sum(amount) FILTER (WHERE is_blue), 0) AS bought_blue_amount,
        coalesce(sum(-amount) FILTER (WHERE is_red), 0) AS bought_red_amount,
        coalesce(sum(-tax) FILTER (WHERE is_red), 0) AS bought_red_tax,
        coalesce(sum(abs(amount)) FILTER (WHERE is_void), 0) AS bought_void_amount,
        coalesce(sum(abs(tax)) FILTER (WHERE is_void), 0) AS bought_void_tax,
        max(amount) FILTER (WHERE is_blue) AS bought_max_amount,
        count(*) FILTER (WHERE is_blue AND total > 0 AND total % 1000 = 0) AS bought_round_n,
        coalesce(sum(amount) FILTER (WHERE is_abnormal), 0) AS bought_abnormal_amount,
        coalesce(sum(tax) FILTER (WHERE is_abnormal), 0) AS bought_abnormal_tax,
        coalesce(sum(amount) FILTER (WHERE is_blue AND rate >= 0.125), 0) AS bought_rate_high_amount,
        coalesce(sum(amount) FILTER (WHERE is_blue AND rate >= 0.085 AND rate < 0.125), 0) AS bought_rate_mid_amount,
        coalesce(sum(amount) FILTER (WHERE is_blue AND rate >= 0.035 AND rate < 0.085), 0) AS bought_rate_low_amount,
        coalesce(sum(amount) FILTER (WHERE is_blue AND rate > 0 AND rate < 0.035), 0) AS bought_rate_small_amount,
        coalesce(sum(amount) FILTER (WHERE is_blue AND rate <= 0), 0) AS bought_rate_zero_amount,
        CASE WHEN count(is_special) > 0 THEN coalesce(sum(tax) FILTER (WHERE in_force AND is_special), 0) END AS bought_special_tax,
        CASE WHEN count(is_special) > 0 THEN coalesce(sum(tax) FILTER (WHERE is_abnormal AND is_special), 0) END
            AS bought_abnormal_special_tax
    FROM typed
    GROUP BY buyer_key, period
),
by_day AS (
    SELECT
        buyer_key,
        period,
        count(*) FILTER (WHERE valid_n > 0) AS bought_days,
        coalesce(max(valid_n), 0) AS bought_day_max_n,
        coalesce(max(blue_amount), 0) AS bought_day_top1_amount,
        coalesce(top_sum(day, blue_amount, 3), 0) AS bought_day_top3_amount,
        coalesce(sum(blue_amount) FILTER (WHERE day > period_end(period) - INTERVAL '3' DAY), 0) AS bought_last3_amount
    FROM (
        SELECT
            buyer_key,
            period,
            CAST(issued_at AS DATE) AS day,
            count(*) FILTER (WHERE status <> 'void') AS valid_n,
            sum(amount) FILTER (WHERE status <> 'void' AND amount >= 0) AS blue_amount
        FROM invoice
        WHERE buyer_key IS NOT NULL
        GROUP BY buyer_key, period, CAST(issued_at AS DATE)
    ) AS days
    GROUP BY buyer_key, period
)
SELECT
    by_month.buyer_key AS taxpayer_key,
    by_month.period,
    bought_n,
    bought_valid_n,
    bought_void_n,
    bought_red_n,
    bought_abnormal_n,
    CAST(bought_amount AS DECIMAL(28, 2)) AS bought_amount,
    CAST(bought_tax AS DECIMAL(28, 2)) AS bought_tax,
    CAST(bought_total AS DECIMAL(28, 2)) AS bought_total,
    CAST(bought_blue_amount AS DECIMAL(28, 2)) AS bought_blue_amount,
    CAST(bought_red_amount AS DECIMAL(28, 2)) AS bought_red_amount,
    CAST(bought_red_tax AS DECIMAL(28, 2)) AS bought_red_tax,
    CAST(bought_void_amount AS DECIMAL(28, 2)) AS bought_void_amount,
    CAST(bought_void_tax AS DECIMAL(28, 2)) AS bought_void_tax,
    bought_max_amount,
    bought_round_n,
    CAST(bought_special_tax AS DECIMAL(28, 2)) AS bought_special_tax,
    CAST(bought_abnormal_amount AS DECIMAL(28, 2)) AS bought_abnormal_amount,
    CAST(bought_abnormal_tax AS DECIMAL(28, 2)) AS bought_abnormal_tax,
    CAST(bought_abnormal_special_tax AS DECIMAL(28, 2)) AS bought_abnormal_special_tax,
    bought_days,
    CAST(bought_day_top1_amount AS DECIMAL(28, 2)) AS bought_day_top1_amount,
    CAST(bought_day_top3_amount AS DECIMAL(28, 2)) AS bought_day_top3_amount,
    CAST(bought_last3_amount AS DECIMAL(28, 2)) AS bought_last3_amount,
    bought_day_max_n,
    CAST(bought_rate_high_amount AS DECIMAL(28, 2)) AS bought_rate_high_amount,
    CAST(bought_rate_mid_amount AS DECIMAL(28, 2)) AS bought_rate_mid_amount,
    CAST(bought_rate_low_amount AS DECIMAL(28, 2)) AS bought_rate_low_amount,
    CAST(bought_rate_small_amount AS DECIMAL(28, 2)) AS bought_rate_small_amount,
    CAST(bought_rate_zero_amount AS DECIMAL(28, 2)) AS bought_rate_zero_amount
FROM by_month
JOIN by_day ON by_day.buyer_key = by_month.buyer_key AND by_day.period = by_month.period
