-- Changes of the registration by the end of $as_of, the newest first. What names people stays a key: before and after are null there.
SELECT changed_on, item, before, after, before_key IS NOT NULL OR after_key IS NOT NULL AS personal
FROM registration_change
WHERE taxpayer_key = $key AND changed_on <= period_end($as_of)
ORDER BY changed_on DESC, item
LIMIT 30
