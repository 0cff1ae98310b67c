-- External lists the taxpayer, its invoices or its legal representative were on by the end of $as_of, the newest first. Invoices are
-- those it issued or claimed in the last three years.
WITH mine AS (
    SELECT list, subject_kind, subject_id, listed_on, delisted_on, reason
    FROM risk_list
    WHERE subject_kind = 'taxpayer' AND subject_id = (SELECT party_id FROM party WHERE party_key = $key)
    UNION ALL
    SELECT l.list, l.subject_kind, CAST(NULL AS VARCHAR), l.listed_on, l.delisted_on, l.reason
    FROM risk_list AS l
    WHERE l.subject_kind = 'person' AND l.subject_person_key IN (SELECT legal_rep_key FROM taxpayer WHERE taxpayer_key = $key AND valid_to IS NULL)
    UNION ALL
    SELECT l.list, l.subject_kind, l.subject_id, l.listed_on, l.delisted_on, l.reason
    FROM risk_list AS l
    WHERE l.subject_kind = 'invoice' AND l.subject_id IN (
        SELECT invoice_id FROM invoice WHERE seller_key = $key AND period > period_add($as_of, -36) AND period <= $as_of
        UNION ALL
        SELECT invoice_id FROM deduction_claim WHERE buyer_key = $key AND claimed_period > period_add($as_of, -36) AND claimed_period <= $as_of)
)
SELECT list, subject_kind, subject_id, listed_on, delisted_on, reason
FROM mine
WHERE listed_on <= period_end($as_of)
ORDER BY listed_on DESC, list, subject_id
LIMIT 30
