-- letter: the letters of the claims in `audit.asked`. Grain: one row a letter.
SELECT
    letter,
    addressee,
    to_office,
    from_office,
    seller_id,
    seller_name,
    buyer_id,
    buyer_name,
    count(*) AS documents,
    sum(amount) AS amount,
    sum(tax) AS tax,
    string_agg(DISTINCT outcome, ',' ORDER BY outcome) AS outcomes
FROM audit.asked
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ORDER BY letter
