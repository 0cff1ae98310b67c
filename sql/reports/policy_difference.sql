-- Findings that change between two versions of a policy (tables asked.before and asked.after). Grain: one row a taxpayer and limb whose answer or amount changes.
SELECT
    coalesce(a.taxpayer_id, b.taxpayer_id) AS taxpayer_id,
    b.answer AS before_answer,
    a.answer AS after_answer,
    b.amount AS before_amount,
    a.amount AS after_amount,
    b.benefit AS before_benefit,
    a.benefit AS after_benefit,
    b.failed AS before_failed,
    a.failed AS after_failed,
    b.missing AS before_missing,
    a.missing AS after_missing
FROM asked.before AS b
FULL JOIN asked.after AS a ON a.taxpayer_key = b.taxpayer_key AND a.period = b.period
WHERE (b.answer IS DISTINCT FROM a.answer) OR (b.amount IS DISTINCT FROM a.amount) OR (b.benefit IS DISTINCT FROM a.benefit)
ORDER BY taxpayer_id
