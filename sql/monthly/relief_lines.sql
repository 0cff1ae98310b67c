-- relief_lines: invoice lines of the activities that reliefs of VAT are about, by the goods code. Grain: one row a seller and month with lines.
-- exempt: lines with the mark 免税; taxed: lines with a rate above nothing. Reds count with their sign; lines of void invoices are in, for
-- lines carry no status. produce: 农林牧渔产品 and fresh meat; meat: the six kinds of 财税〔2012〕75号 and their eggs; tech: 研发服务 and
-- 技术; bus: passengers by road and water; cargo: transport but for passengers; rent: dwellings.
WITH marked AS (
    SELECT
        taxpayer_key,
        period,
        goods_sold_amount AS amount,
        rate,
        preference = 'exempt' AS is_exempt,
        coalesce(rate > 0, false) AS is_taxed,
        goods_code LIKE '101%' OR goods_code LIKE '1030107010%' AS is_produce,
        goods_code LIKE '1010112%' AS is_vegetable,
        goods_code LIKE '1030107010100%' OR goods_code LIKE '101030302010%' OR goods_code LIKE '101030302020%' OR goods_code LIKE '101030302030%'
            OR goods_code LIKE '1010301010%' OR goods_code LIKE '1010301020%' OR goods_code LIKE '1010301060%' OR goods_code LIKE '1010302010%'
            OR goods_code LIKE '1010302020%' OR goods_code LIKE '1010302030%' AS is_meat,
        goods_code LIKE '3040101%' OR goods_code LIKE '401%' AS is_tech,
        goods_code LIKE '401%' AS is_transfer,
        goods_code LIKE '3070503%' AS is_household,
        goods_code LIKE '3060108%' AS is_pooled,
        goods_code LIKE '3060102%' AS is_farm_loan,
        goods_code LIKE '30405020201%' AS is_home_rent,
        goods_code LIKE '3010101020%' OR goods_code LIKE '3010201%' AS is_bus,
        goods_code LIKE '301%' AND goods_code NOT LIKE '3010101%' AND goods_code NOT LIKE '3010201%' AS is_cargo,
        goods_code LIKE '307%' AS is_life,
        goods_code LIKE '3040409%' AS is_parcel
    FROM rollup_goods_sold
)
SELECT
    taxpayer_key,
    period,
    coalesce(sum(amount) FILTER (WHERE is_taxed), 0) AS relief_lines_taxed,
    coalesce(sum(amount) FILTER (WHERE is_exempt), 0) AS relief_lines_exempt,
    coalesce(sum(amount) FILTER (WHERE is_taxed AND is_produce), 0) AS relief_lines_produce_taxed,
    coalesce(sum(amount) FILTER (WHERE is_exempt AND is_vegetable), 0) AS relief_lines_vegetable_exempt,
    coalesce(sum(amount) FILTER (WHERE is_taxed AND is_vegetable), 0) AS relief_lines_vegetable_taxed,
    coalesce(sum(amount) FILTER (WHERE is_exempt AND is_meat), 0) AS relief_lines_meat_exempt,
    coalesce(sum(amount) FILTER (WHERE is_taxed AND is_meat), 0) AS relief_lines_meat_taxed,
    coalesce(sum(amount) FILTER (WHERE is_exempt AND is_tech), 0) AS relief_lines_tech_exempt,
    coalesce(sum(amount) FILTER (WHERE is_tech), 0) AS relief_lines_tech,
    coalesce(sum(amount) FILTER (WHERE is_taxed AND is_transfer), 0) AS relief_lines_transfer_taxed,
    coalesce(sum(amount) FILTER (WHERE is_household AND (is_exempt OR is_taxed)), 0) AS relief_lines_household,
    coalesce(sum(amount) FILTER (WHERE is_pooled AND (is_exempt OR is_taxed)), 0) AS relief_lines_pooled,
    coalesce(sum(amount) FILTER (WHERE is_exempt AND is_farm_loan), 0) AS relief_lines_farm_loan,
    coalesce(sum(amount) FILTER (WHERE is_home_rent AND rate > 0.015), 0) AS relief_lines_rent_full,
    coalesce(sum(amount) FILTER (WHERE is_home_rent AND rate = 0.015), 0) AS relief_lines_rent_cut,
    coalesce(sum(amount) FILTER (WHERE is_exempt AND is_bus), 0) AS relief_lines_bus,
    coalesce(sum(amount) FILTER (WHERE is_exempt AND is_cargo), 0) AS relief_lines_cargo,
    coalesce(sum(amount) FILTER (WHERE is_exempt AND is_life), 0) AS relief_lines_life,
    coalesce(sum(amount) FILTER (WHERE is_exempt AND is_parcel), 0) AS relief_lines_parcel
FROM marked
GROUP BY taxpayer_key, period
