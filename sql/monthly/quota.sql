-- quota: limits for issuing. Grain: one row a taxpayer and month.
SELECT taxpayer_key, period, kind_limit AS quota_kind_limit, quota AS quota_total, CAST(quota_raises AS BIGINT) AS quota_raises
FROM invoice_quota
