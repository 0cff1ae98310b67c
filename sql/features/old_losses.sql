-- old_losses: losses older than five years in the yearly income tax return for the year that ends with $as_of. Grain: one row a taxpayer with
-- such a return.
--
-- A loss is a year's result for tax below zero: profit, adjusted up and down, less exempt income, super deductions and accelerated depreciation.
-- recent: of the five years before; the loss of 2020 counts as recent up to 2028, for its trade may be a hard-hit one. older: of the sixth to
-- tenth year before, if the firm held a high-tech certificate, was recorded as a technology SME or made integrated circuits at the end of one
-- of the five years after the loss, 2018 or later: only then do they run ten years. What was offset in between is not taken off: upper bounds.
-- open: older less everything offset in the nine years before, what is left of it at the least. Null where the return of one of the years
-- since registration is not in the warehouse; older, open and qualified also where no qualification is loaded.
WITH yearly AS (
    SELECT
        taxpayer_key,
        period / 100 AS year,
        loss_offset,
        profit + coalesce(adjust_up, 0) - coalesce(adjust_down, 0) - coalesce(exempt_income, 0) - coalesce(rd_super_deduction, 0)
            - coalesce(accelerated_depreciation, 0) AS income
    FROM cit_return
    WHERE period_type = 'Y' AND period <= $as_of AND period % 100 = 12
),
this AS (
    SELECT y.*, CASE WHEN t.registered_on IS NULL THEN 10 ELSE least(10, greatest(0, y.year - CAST(date_part('year', t.registered_on) AS INT))) END AS age
    FROM yearly AS y
    JOIN taxpayer AS t ON t.taxpayer_key = y.taxpayer_key AND t.valid_to IS NULL
    WHERE y.year = $as_of / 100 AND $as_of % 100 = 12
),
certified AS (
    SELECT DISTINCT q.taxpayer_key, y.year
    FROM qualification AS q
    JOIN (SELECT DISTINCT year FROM yearly WHERE year >= 2018) AS y
        ON q.valid_from <= period_end(y.year * 100 + 12) AND (q.valid_to IS NULL OR q.valid_to >= period_end(y.year * 100 + 12))
    WHERE q.kind IN ('high_tech', 'tech_sme', 'integrated_circuit')
),
covered AS (
    SELECT DISTINCT t.taxpayer_key, y.year
    FROM this AS t
    JOIN yearly AS y ON y.taxpayer_key = t.taxpayer_key AND y.year BETWEEN t.year - 10 AND t.year - 6
    JOIN certified AS c ON c.taxpayer_key = t.taxpayer_key AND c.year BETWEEN y.year + 1 AND y.year + 5
),
sums AS (
    SELECT
        t.taxpayer_key,
        count(y.income) FILTER (WHERE y.year >= t.year - 5) AS recent_years,
        count(y.income) AS all_years,
        coalesce(sum(-y.income) FILTER (WHERE y.income < 0 AND (y.year >= t.year - 5 OR (y.year = 2020 AND t.year <= 2028))), 0) AS recent,
        coalesce(sum(-y.income) FILTER (WHERE y.income < 0 AND y.year < t.year - 5 AND c.year IS NOT NULL), 0) AS older,
        count(c.year) FILTER (WHERE y.income < 0 AND y.year < t.year - 5) AS older_n,
        coalesce(sum(y.loss_offset) FILTER (WHERE y.year > t.year - 10), 0) AS offsets
    FROM this AS t
    LEFT JOIN yearly AS y ON y.taxpayer_key = t.taxpayer_key AND y.year BETWEEN t.year - 10 AND t.year - 1
    LEFT JOIN covered AS c ON c.taxpayer_key = t.taxpayer_key AND c.year = y.year
    GROUP BY t.taxpayer_key
),
loaded AS (
    SELECT count(*) > 0 AS known FROM qualification
)
SELECT
    t.taxpayer_key,
    CAST(t.loss_offset AS DECIMAL(28, 2)) AS old_losses_offset,
    CAST(CASE WHEN t.income < 0 THEN 0 ELSE t.income END AS DECIMAL(28, 2)) AS old_losses_income,
    CAST(CASE WHEN s.recent_years >= least(5, t.age) THEN s.recent END AS DECIMAL(28, 2)) AS old_losses_recent,
    CAST(CASE WHEN known AND s.all_years >= t.age THEN s.older END AS DECIMAL(28, 2)) AS old_losses_older,
    CAST(CASE WHEN known AND s.all_years >= t.age THEN greatest(s.older - s.offsets, 0) END AS DECIMAL(28, 2)) AS old_losses_open,
    CASE WHEN known AND s.all_years >= t.age THEN s.older_n > 0 END AS old_losses_qualified
FROM this AS t
JOIN sums AS s ON s.taxpayer_key = t.taxpayer_key
CROSS JOIN loaded
