"""The domain's functions as DuckDB macros, written anew from their documentation.

Arguments have names that no column has: a macro's argument would hide the column.
"""

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = [pow(3, n, 31) for n in range(17)]
BENFORD = "[log10(1 + 1.0::DOUBLE / a_d) FOR a_d IN [1, 2, 3, 4, 5, 6, 7, 8, 9]]"
DIGITS = ", ".join(f"CAST(a_{n} AS DOUBLE)" for n in range(1, 10))
CHARACTERS = "[0-9A-HJ-NPQRTUWXY]"

MACROS = [
    # Months YYYYMM; a number that is no month gives null.
    "is_period(a_p) AS a_p % 100 BETWEEN 1 AND 12 AND a_p // 100 BETWEEN 1 AND 9999",
    "month_no(a_p) AS CASE WHEN is_period(a_p) THEN a_p // 100 * 12 + a_p % 100 - 1 END",
    "period_add(a_p, a_n) AS CAST((month_no(a_p) + a_n) // 12 * 100 + (month_no(a_p) + a_n) % 12 + 1 AS INTEGER)",
    "period_diff(a_p, a_q) AS CAST(month_no(a_p) - month_no(a_q) AS INTEGER)",
    "period_of(a_d) AS CAST(year(a_d) * 100 + month(a_d) AS INTEGER)",
    "period_start(a_p) AS CASE WHEN is_period(a_p) THEN make_date(a_p // 100, a_p % 100, 1) END",
    "period_end(a_p) AS last_day(period_start(a_p))",
    # The sum of the k largest totals by key. Every use in the definitions has one row a key within its group, so that a
    # row's amount is its key's total.
    "top_sum(a_key, a_amount, a_k) AS list_sum(max(a_amount, a_k) FILTER (WHERE a_key IS NOT NULL))",
    # Sum of squared shares of the keys with a positive total; one row a key here too.
    "hhi(a_key, a_amount) AS sum(power(CAST(a_amount AS DOUBLE), 2)) FILTER (WHERE a_amount > 0 AND a_key IS NOT NULL)"
    " / power(CAST(sum(a_amount) FILTER (WHERE a_amount > 0 AND a_key IS NOT NULL) AS DOUBLE), 2)",
    # Chi-square of the counts of leading digits against log10(1 + 1/d).
    "benford_of(a_counts, a_total) AS CASE WHEN a_total >= 1 AND list_min(a_counts) >= 0 THEN list_sum(list_transform(list_zip(a_counts, "
    f"{BENFORD}), lambda a_x: power(a_x[1] - a_x[2] * a_total, 2) / (a_x[2] * a_total))) END",
    f"benford_chi2({', '.join(f'a_{n}' for n in range(1, 10))}) AS CASE WHEN {' AND '.join(f'a_{n} IS NOT NULL' for n in range(1, 10))} "
    f"THEN benford_of([{DIGITS}], list_sum([{DIGITS}])) END",
    # Unified social credit code, GB 32100-2015.
    f"uscc_sum(a_code) AS list_sum([(strpos('{ALPHABET}', a_code[a_i]) - 1) * {WEIGHTS}[a_i] FOR a_i IN range(1, 18)])",
    f"uscc_valid(a_code) AS CASE WHEN a_code IS NOT NULL THEN CASE WHEN regexp_full_match(a_code, '{CHARACTERS}{{2}}[0-9]{{6}}{CHARACTERS}{{10}}') "
    f"THEN strpos('{ALPHABET}', a_code[18]) - 1 = (31 - uscc_sum(a_code) % 31) % 31 ELSE false END END",
    # The language's divisions: of doubles, null when the divisor is nothing; and the exact one, decimals of six places whose quotient
    # has ten, cut off. DuckDB gives doubles for a quotient of decimals, hence whole numbers of the last place.
    "double_div(a_l, a_r) AS CAST(a_l AS DOUBLE) / nullif(CAST(a_r AS DOUBLE), 0.0)",
    "micro(a_x) AS CAST(TRY_CAST(a_x AS DECIMAL(28, 6)) * 1000000 AS HUGEINT)",
    "exact_div(a_l, a_r) AS CAST(CAST(micro(a_l) * 10000000000 // nullif(micro(a_r), 0) AS DECIMAL(38, 0)) * 0.0000000001 AS DECIMAL(38, 10))",
    # A part of an amount of money, a_money × a_part ÷ a_whole, exact to a hundredth of a fen: multiplied before it is divided.
    "fen(a_x) AS CAST(CAST(a_x AS DECIMAL(28, 2)) * 100 AS HUGEINT)",
    "part_of(a_money, a_part, a_whole) AS CAST(CAST(fen(a_money) * fen(a_part) * 100 // nullif(fen(a_whole), 0) AS DECIMAL(38, 0)) * 0.0001 AS DECIMAL(38, 4))",
    "finite(a_x) AS CASE WHEN isfinite(CAST(a_x AS DOUBLE)) THEN CAST(a_x AS DOUBLE) END",
]


def create_macros(connection):
    # In the definitions, as in most of SQL, the quotient of two whole numbers is a whole number.
    connection.execute("SET integer_division = true")
    for macro in MACROS:
        connection.execute(f"CREATE MACRO {macro}")
