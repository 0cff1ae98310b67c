-- letter: the letters of the claims in `audit.asked`. Grain: one row a letter.
SELECT
    letter,
    addressee,
    to_office,
    from_office,
    seller_id,
    max(seller_name) AS seller_name,
    buyer_id,
    max(buyer_name) AS buyer_name,
    count(*) AS documents,
    sum(amount) AS amount,
    sum(tax) AS tax,
    string_agg(DISTINCT outcome, ',' ORDER BY outcome) AS outcomes
FROM audit.asked
GROUP BY letter, addressee, to_office, from_office, seller_id, buyer_id
ORDER BY letter
