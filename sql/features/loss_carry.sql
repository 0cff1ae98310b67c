-- loss_carry: losses of earlier years that the last yearly return of income tax may still make up for. Grain: one row a taxpayer with
-- a yearly return for a year that ended by $as_of.
--
-- A loss is a year's result for tax below zero: profit, adjusted up and down, less exempt income and super deductions. Accelerated
-- depreciation is taken off beside adjust_down, which may hold it too: that only makes losses larger and the limit wider. What was
-- made up for in between is not taken off either, so loss_carry_allowed is an upper bound.
-- Years: five; ten from 2018 for a firm that is high-tech, a technology SME or makes integrated circuits at the end of the year;
-- eight for the losses of 2020 in transport, catering, hotels and tourism. loss_carry_known: all years that count are here, or all
-- since the year of registration. Null where no qualification at all is loaded, because nobody then knows who has ten years.
WITH yearly AS (
    SELECT
        taxpayer_key,
        period,
        profit + coalesce(adjust_up, 0) - coalesce(adjust_down, 0) - coalesce(exempt_income, 0) - coalesce(rd_super_deduction, 0)
            - coalesce(accelerated_depreciation, 0) AS income
    FROM cit_return
    WHERE period_type = 'Y' AND period <= $as_of
),
latest AS (
    SELECT taxpayer_key, max(period) AS last FROM yearly GROUP BY taxpayer_key
),
tenured AS (
    SELECT DISTINCT q.taxpayer_key
    FROM qualification AS q
    JOIN latest AS l ON l.taxpayer_key = q.taxpayer_key
    WHERE q.kind IN ('high_tech', 'tech_sme', 'integrated_circuit') AND l.last >= 201812
        AND q.valid_from <= period_end(l.last) AND (q.valid_to IS NULL OR q.valid_to >= period_end(l.last))
),
loaded AS (
    SELECT count(*) > 0 AS quals FROM qualification
),
limits AS (
    SELECT
        l.taxpayer_key,
        l.last,
        CASE WHEN q.taxpayer_key IS NULL THEN 5 ELSE 10 END AS years,
        substr(t.industry_code, 1, 1) = 'G' OR substr(t.industry_code, 1, 3) IN ('H61', 'H62') OR substr(t.industry_code, 1, 4) = 'N786' OR t.industry_code = 'L7291'
            AS hard_hit,
        l.last / 100 - CAST(date_part('year', t.registered_on) AS INT) AS age
    FROM latest AS l
    JOIN taxpayer AS t ON t.taxpayer_key = l.taxpayer_key AND t.valid_to IS NULL
    LEFT JOIN tenured AS q ON q.taxpayer_key = l.taxpayer_key
)
SELECT
    m.taxpayer_key,
    CAST(CASE WHEN max(CASE WHEN d.quals THEN 1 ELSE 0 END) = 1 THEN max(m.years) END AS BIGINT) AS loss_carry_years,
    CASE
        WHEN max(CASE WHEN d.quals THEN 1 ELSE 0 END) = 1
            THEN count(*) FILTER (WHERE y.period >= m.last - 100 * m.years AND y.period < m.last AND y.income IS NOT NULL)
                >= least(max(m.years), coalesce(max(m.age), 10))
    END AS loss_carry_known,
    CAST(coalesce(sum(-y.income) FILTER (
        WHERE y.income < 0 AND y.period < m.last
            AND (y.period >= m.last - 100 * m.years OR (m.hard_hit AND y.period = 202012 AND m.last <= 202812))
    ), 0) AS DECIMAL(28, 2)) AS loss_carry_allowed
FROM limits AS m
JOIN yearly AS y ON y.taxpayer_key = m.taxpayer_key
CROSS JOIN loaded AS d
GROUP BY m.taxpayer_key
