-- return_period: how many months the VAT return of $as_of covers, and what was invoiced in them by kind of goods code.
-- Grain: one row a taxpayer with a VAT return for $as_of, of either form.
--
-- months, of small-scale taxpayers: 3 at a quarter's end without a return in the two months before, if these are loaded; 1 where there is
-- one for the month before, or where it was registered no earlier than that month; otherwise null (part of a quarter, or a return is
-- missing). Of general taxpayers: 1, but 3 at a quarter's end where there is a return three months back and none between.
-- Amounts before tax of lines issued in these months, reds taken off, lines of void invoices in (lines carry no status): real estate sold
-- (codes 5), let (304050202), rights to use land (40501); goods and labour (1, 2); services and intangibles (3, 4); at 3 percent, without the
-- real estate and land. 0 for who stands on any invoice and issued none of it; null for who stands on none, where lines of invoices issued
-- in these months are missing or carry no code, and where the months are null.
WITH returned AS (
    SELECT
        taxpayer_key,
        coalesce(bool_or(form = 'small' AND period = $as_of), false) AS is_small,
        coalesce(bool_or(form = 'small' AND period = period_add($as_of, -1)), false) AS small_1,
        coalesce(bool_or(form = 'small' AND period = period_add($as_of, -2)), false) AS small_2,
        coalesce(bool_or(form = 'general' AND period IN (period_add($as_of, -1), period_add($as_of, -2))), false) AS general_between,
        coalesce(bool_or(form = 'general' AND period = period_add($as_of, -3)), false) AS general_3
    FROM vat_return
    WHERE period BETWEEN period_add($as_of, -3) AND $as_of
    GROUP BY taxpayer_key
    HAVING bool_or(period = $as_of)
),
loaded AS (
    SELECT min(period) <= period_add($as_of, -2) AS two_before FROM vat_return
),
registered AS (
    SELECT taxpayer_key, registered_on FROM taxpayer WHERE valid_to IS NULL
),
spanned AS (
    SELECT
        r.taxpayer_key,
        CASE
            WHEN NOT is_small THEN CASE WHEN $as_of % 100 % 3 = 0 AND general_3 AND NOT general_between THEN 3 ELSE 1 END
            WHEN small_1 THEN 1
            WHEN $as_of % 100 % 3 = 0 AND NOT small_2 AND two_before THEN 3
            WHEN NOT small_2 AND g.registered_on >= period_start(period_add($as_of, -1)) THEN 1
        END AS months
    FROM returned AS r
    CROSS JOIN loaded
    LEFT JOIN registered AS g ON g.taxpayer_key = r.taxpayer_key
),
lined AS (
    SELECT
        taxpayer_key,
        period,
        bool_or(goods_code IS NULL) AS bare,
        coalesce(sum(goods_sold_amount) FILTER (WHERE is_estate), 0) AS estate,
        coalesce(sum(goods_sold_amount) FILTER (WHERE is_let), 0) AS leased,
        coalesce(sum(goods_sold_amount) FILTER (WHERE is_land), 0) AS land,
        coalesce(sum(goods_sold_amount) FILTER (WHERE goods_code LIKE '1%' OR goods_code LIKE '2%'), 0) AS goods,
        coalesce(sum(goods_sold_amount) FILTER (WHERE goods_code LIKE '3%' OR goods_code LIKE '4%'), 0) AS services,
        coalesce(sum(goods_sold_amount) FILTER (WHERE rate = 0.03 AND NOT (is_estate OR is_let OR is_land)), 0) AS at_3
    FROM (
        SELECT *, goods_code LIKE '5%' AS is_estate, goods_code LIKE '304050202%' AS is_let, goods_code LIKE '40501%' AS is_land
        FROM rollup_goods_sold
        WHERE period BETWEEN period_add($as_of, -2) AND $as_of
    ) AS l
    GROUP BY taxpayer_key, period
),
issued AS (
    SELECT taxpayer_key, period FROM rollup_sold WHERE period BETWEEN period_add($as_of, -2) AND $as_of
),
summed AS (
    SELECT
        s.taxpayer_key,
        coalesce(bool_or(i.taxpayer_key IS NOT NULL AND l.taxpayer_key IS NULL), false) OR coalesce(bool_or(l.bare), false) AS unknown,
        sum(l.estate) AS estate,
        sum(l.leased) AS leased,
        sum(l.land) AS land,
        sum(l.goods) AS goods,
        sum(l.services) AS services,
        sum(l.at_3) AS at_3
    FROM spanned AS s
    CROSS JOIN (SELECT 0 AS back UNION ALL SELECT 1 UNION ALL SELECT 2) AS m
    LEFT JOIN issued AS i ON i.taxpayer_key = s.taxpayer_key AND i.period = period_add($as_of, -m.back)
    LEFT JOIN lined AS l ON l.taxpayer_key = s.taxpayer_key AND l.period = period_add($as_of, -m.back)
    WHERE m.back < s.months
    GROUP BY s.taxpayer_key
),
seen AS (
    SELECT taxpayer_key FROM rollup_sold WHERE period <= $as_of
    UNION
    SELECT taxpayer_key FROM rollup_bought WHERE period <= $as_of
)
SELECT
    s.taxpayer_key,
    CAST(s.months AS BIGINT) AS return_months,
    CAST(CASE WHEN NOT t.unknown AND k.taxpayer_key IS NOT NULL THEN coalesce(t.estate, 0) END AS DECIMAL(28, 2)) AS return_estate,
    CAST(CASE WHEN NOT t.unknown AND k.taxpayer_key IS NOT NULL THEN coalesce(t.leased, 0) END AS DECIMAL(28, 2)) AS return_leased,
    CAST(CASE WHEN NOT t.unknown AND k.taxpayer_key IS NOT NULL THEN coalesce(t.land, 0) END AS DECIMAL(28, 2)) AS return_land,
    CAST(CASE WHEN NOT t.unknown AND k.taxpayer_key IS NOT NULL THEN coalesce(t.goods, 0) END AS DECIMAL(28, 2)) AS return_goods,
    CAST(CASE WHEN NOT t.unknown AND k.taxpayer_key IS NOT NULL THEN coalesce(t.services, 0) END AS DECIMAL(28, 2)) AS return_services,
    CAST(CASE WHEN NOT t.unknown AND k.taxpayer_key IS NOT NULL THEN coalesce(t.at_3, 0) END AS DECIMAL(28, 2)) AS return_at_3
FROM spanned AS s
LEFT JOIN summed AS t ON t.taxpayer_key = s.taxpayer_key
LEFT JOIN seen AS k ON k.taxpayer_key = s.taxpayer_key
