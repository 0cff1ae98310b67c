-- small_group: small-scale taxpayers of one legal representative none of which sold more than the VAT exemption allows in any month of the
-- 12 ending $as_of. Grain: one row a small-scale taxpayer in normal state whose legal representative is known; n 0 for one that went over.
-- The exemption is 100,000 yuan a month since 2019, 150,000 from 2021-04 to 2022-12; before 2019 nothing is said. Only invoiced sales are
-- known, and only taxpayers that invoiced in at least three of the months count. single: what one business might sell exempt in 12 months.
WITH month AS (
    SELECT taxpayer_key, sold_amount AS amount, CASE WHEN period BETWEEN 202104 AND 202212 THEN 150000 ELSE 100000 END AS most
    FROM rollup_sold
    WHERE period > period_add($as_of, -12) AND period <= $as_of AND $as_of >= 201912
),
sold AS (
    SELECT taxpayer_key, sum(amount) AS amount, bool_and(amount <= most) AND count(*) FILTER (WHERE amount > 0) >= 3 AS stays, 12 * max(most) AS single
    FROM month
    GROUP BY taxpayer_key
),
small AS (
    SELECT t.taxpayer_key, t.legal_rep_key, t.address_key, left(t.industry_code, 3) AS trade, s.amount, coalesce(s.stays, false) AS stays, s.single
    FROM taxpayer AS t
    LEFT JOIN sold AS s ON s.taxpayer_key = t.taxpayer_key
    WHERE t.valid_to IS NULL AND t.status = 'normal' AND t.vat_status = 'small_scale' AND t.legal_rep_key IS NOT NULL
),
owner AS (
    SELECT
        legal_rep_key,
        count(*) AS n,
        sum(amount) AS amount,
        max(single) AS single,
        count(DISTINCT address_key) AS addresses,
        count(DISTINCT trade) AS trades
    FROM small
    WHERE stays
    GROUP BY legal_rep_key
)
SELECT
    s.taxpayer_key,
    CAST(CASE WHEN s.stays THEN o.n ELSE 0 END AS BIGINT) AS small_group_n,
    CAST(CASE WHEN s.stays THEN o.amount END AS DECIMAL(28, 2)) AS small_group_amount,
    CAST(s.amount AS DECIMAL(28, 2)) AS small_group_own,
    CAST(CASE WHEN s.stays THEN o.single END AS DECIMAL(28, 2)) AS small_group_single,
    CAST(CASE WHEN s.stays THEN o.addresses END AS BIGINT) AS small_group_addresses,
    CAST(CASE WHEN s.stays THEN o.trades END AS BIGINT) AS small_group_trades
FROM small AS s
LEFT JOIN owner AS o ON o.legal_rep_key = s.legal_rep_key
