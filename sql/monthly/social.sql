-- social: what the social-insurance fund holds of an employer. Grain: one row a taxpayer and month.
SELECT
    taxpayer_key,
    period,
    CAST(persons AS BIGINT) AS soc_persons,
    base AS soc_base,
    paid AS soc_paid,
    CAST(disabled_persons AS BIGINT) AS soc_disabled,
    CAST(veterans AS BIGINT) AS soc_veterans,
    CAST(key_group_persons AS BIGINT) AS soc_key_group
FROM social_insurance
