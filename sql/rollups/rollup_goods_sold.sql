-- rollup_goods_sold: what a taxpayer sold in a month, by goods. Grain: one row a (seller, month of issue, goods code, rate, preference).
--
-- Meaning
--   n, amount, tax of all lines, reds with their sign; own_*: of these, lines to the seller itself; bare_n: lines without quantity or unit.
-- Caveats
--   Lines do not carry the status of their invoice: those of void invoices are in.
--   A line whose invoice is not known yet has month 0.
SELECT
    seller_key AS taxpayer_key,
    period,
    goods_code,
    rate,
    preference,
    count(*) AS goods_sold_n,
    sum(amount) AS goods_sold_amount,
    coalesce(sum(tax), 0) AS goods_sold_tax,
    count(*) FILTER (WHERE seller_key = buyer_key) AS goods_sold_own_n,
    coalesce(sum(amount) FILTER (WHERE seller_key = buyer_key), 0) AS goods_sold_own_amount,
    count(*) FILTER (WHERE quantity IS NULL OR unit IS NULL) AS goods_sold_bare_n
FROM invoice_line
WHERE seller_key IS NOT NULL
GROUP BY seller_key, period, goods_code, rate, preference
