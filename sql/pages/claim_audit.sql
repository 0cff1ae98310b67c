-- Findings of the cross-audit on the taxpayer's claims of the three years up to $as_of, the newest thirty. n counts them all.
SELECT outcome, claimed_period, invoice_id, seller_id, issued_on, amount, tax, document_amount, document_tax, differs, count(*) OVER () AS n, sum(tax) OVER () AS all_tax
FROM claim_audit
WHERE taxpayer_key = $key AND claimed_period > period_add($as_of, -36) AND claimed_period <= $as_of AND since <= $as_of
ORDER BY claimed_period DESC, tax DESC, invoice_id
LIMIT 30
