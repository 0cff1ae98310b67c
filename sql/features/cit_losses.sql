-- cit_losses: the most that earlier losses may still offset in the last yearly return. Grain: one row a taxpayer with a yearly return
-- for a year that ended by $as_of. A loss is profit after adjustments below zero. Counted from the five years before (ten for a firm that
-- ever held a high-tech or technology small-firm certificate; the loss of 2020 up to 2028, for its trade may be a hard-hit one), and
-- never more than all losses less all that was offset, where the years cover its whole life. An upper bound; null where a year between the first possible year and the
-- last return is not in the warehouse, or a figure of it is missing.
WITH yearly AS (
    SELECT
        taxpayer_key,
        period,
        profit + adjust_up - adjust_down - exempt_income - rd_super_deduction AS adjusted,
        loss_offset
    FROM cit_return WHERE period_type = 'Y' AND period <= $as_of
),
latest AS (
    SELECT taxpayer_key, max(period) AS last FROM yearly GROUP BY taxpayer_key
),
holders AS (
    SELECT DISTINCT taxpayer_key FROM qualification
    WHERE kind IN ('high_tech', 'tech_sme') AND valid_from <= period_end($as_of)
),
spans AS (
    SELECT
        l.taxpayer_key,
        l.last,
        greatest(
            l.last - CASE WHEN h.taxpayer_key IS NOT NULL THEN 1000 ELSE 500 END,
            CAST(date_part('year', t.registered_on) AS INT) * 100 + 12
        ) AS first_year,
        CAST(date_part('year', t.registered_on) AS INT) * 100 + 12 AS founded
    FROM latest AS l
    JOIN taxpayer AS t ON t.taxpayer_key = l.taxpayer_key AND t.valid_to IS NULL AND t.registered_on IS NOT NULL
    LEFT JOIN holders AS h ON h.taxpayer_key = l.taxpayer_key
),
sums AS (
    SELECT
        s.taxpayer_key,
        max((s.last - s.first_year) / 100) AS years_needed,
        count(y.adjusted) FILTER (WHERE y.period < s.last AND y.period >= s.first_year) AS years_known,
        sum(CASE WHEN y.adjusted < 0 THEN -y.adjusted ELSE 0 END)
            FILTER (WHERE y.period < s.last AND (y.period >= s.first_year OR (y.period = 202012 AND s.last <= 202812))) AS in_window,
        sum(CASE WHEN y.adjusted < 0 THEN -y.adjusted ELSE 0 END) FILTER (WHERE y.period < s.last) AS all_losses,
        sum(y.loss_offset) FILTER (WHERE y.period < s.last) AS all_offsets,
        max(CASE WHEN s.founded = s.first_year THEN 1 ELSE 0 END) AS whole_life
    FROM spans AS s
    JOIN yearly AS y ON y.taxpayer_key = s.taxpayer_key
    GROUP BY s.taxpayer_key
)
SELECT
    taxpayer_key,
    CASE
        WHEN years_needed <= 0 THEN 0
        WHEN years_known < years_needed THEN NULL
        WHEN whole_life = 1 AND all_losses - coalesce(all_offsets, 0) < in_window THEN greatest(all_losses - coalesce(all_offsets, 0), 0)
        ELSE in_window
    END AS cit_losses_open
FROM sums
