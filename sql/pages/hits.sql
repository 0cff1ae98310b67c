-- Hits of the latest scan up to $as_of, most points first.
SELECT indicator, tax, severity, value, op, line, line_kind, line_source, peer_n, deviation, amount, points, message_zh
FROM hit
WHERE taxpayer_key = $key AND as_of = (SELECT max(as_of) FROM scan_run WHERE as_of <= $as_of)
ORDER BY points DESC, indicator
