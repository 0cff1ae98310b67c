"""Lines, peers and tallies: what a verdict (applies, value, amount, facts a taxpayer) comes to, as one query an indicator."""

# Scales the median absolute deviation to the standard deviation of a normal distribution.
MAD_TO_SIGMA = 1.4826
LEVELS = ("close", "section", "everyone")
FIGURES = ("n", "median", "p10", "p90", "mad")


def double(number):
    return f"CAST('{number!r}' AS DOUBLE)"


def band(rules):
    """The name of the band of sales; null where sales are unknown."""
    bounds = sorted(rules["size_bands"], reverse=True)
    reached = " ".join(f"WHEN size >= {bound} THEN '{bound}+'" for bound in bounds)
    return f"CASE WHEN size IS NULL THEN NULL {reached} ELSE '<{bounds[-1]}' END"


def peer_groups(rules):
    """The three groups of a taxpayer, null where its registration does not tell."""
    digits = rules["region_digits"]
    close = (
        f"CASE WHEN length(industry_code) >= 3 AND length(region_code) >= {digits} THEN "
        f"left(industry_code, 3) || ' ' || ({band(rules)}) || ' ' || left(region_code, {digits}) END"
    )
    return f"{close} AS close, CASE WHEN length(industry_code) >= 1 THEN left(industry_code, 1) END AS section, 'all' AS everyone"


def peer_ctes(source, rules):
    """Figures of the values told in each group at each level, beside each taxpayer's row."""
    ctes = [f"grouped AS (SELECT *, CASE WHEN applies THEN value END AS told, {peer_groups(rules)} FROM {source})"]
    figures = "count(*) AS n, median(told) AS median, quantile_cont(told, 0.1) AS p10, quantile_cont(told, 0.9) AS p90, mad(told) AS mad"
    for level in LEVELS:
        where = f"told IS NOT NULL AND {level} IS NOT NULL"
        ctes.append(f"peers_{level} AS (SELECT {level}, {figures} FROM grouped WHERE {where} GROUP BY {level})")
    columns = ", ".join(f"peers_{level}.{figure} AS {level}_{figure}" for level in LEVELS for figure in FIGURES)
    joins = " ".join(f"LEFT JOIN peers_{level} ON peers_{level}.{level} = grouped.{level}" for level in LEVELS)
    ctes.append(f"beside AS (SELECT grouped.*, {columns} FROM grouped {joins})")
    return ctes


def threshold(line, rules):
    """Where a line is drawn for a taxpayer; null where there are too few peers or no spread."""
    if line.value is not None:
        return double(line.value)
    least = line.min_peers or rules["min_peers"]

    def drawn(level):
        if line.peer:
            return f"{double(line.factor)} * {level}_{line.peer}"
        return f"CASE WHEN {level}_mad > 0 THEN {level}_median + {double(line.z * MAD_TO_SIGMA)} * {level}_mad END"

    return "CASE " + " ".join(f"WHEN {level}_n >= {least} THEN {drawn(level)}" for level in LEVELS) + " END"


def judged(lines, facts, source, rules):
    """CTEs whose last, `judged`, has a row a taxpayer: state, line crossed, deviation. `source` gives applies, value and amount."""
    ctes, rows = [], source
    if any(line.needs_peers for line in lines):
        ctes, rows = peer_ctes(source, rules), "beside"
    drawn = ", ".join(f"{threshold(line, rules)} AS t{n}" for n, line in enumerate(lines))
    ctes.append(f"drawn AS (SELECT *, {drawn} FROM {rows})")
    crossed = " ".join(f"WHEN value {line.op} t{n} THEN {n}" for n, line in enumerate(lines))
    ctes.append(f"crossed AS (SELECT *, CASE WHEN applies AND value IS NOT NULL THEN CASE {crossed} END END AS line_no FROM drawn)")
    undrawn = " OR ".join(f"t{n} IS NULL" for n in range(len(lines)))
    state = (
        "CASE WHEN line_no IS NOT NULL THEN 'hit' WHEN applies IS NULL OR (applies AND value IS NULL) THEN 'unknown' "
        f"WHEN NOT applies THEN 'not_applicable' WHEN {undrawn} THEN 'unknown' ELSE 'clear' END"
    )
    at = "CASE line_no " + " ".join(f"WHEN {n} THEN t{n}" for n in range(len(lines))) + " END"
    upward = "CASE line_no " + " ".join(f"WHEN {n} THEN {str(line.op in ('>=', '>')).lower()}" for n, line in enumerate(lines)) + " END"
    columns = "".join(f", {fact}" for fact in facts)
    ctes.append(f"stated AS (SELECT *, {state} AS state, {at} AS at_line, {upward} AS upward FROM crossed)")
    deviation = "greatest((CASE WHEN upward THEN value - at_line ELSE at_line - value END) / (CASE WHEN at_line = 0 THEN 1 ELSE abs(at_line) END), 0)"
    ctes.append(f"judged AS (SELECT taxpayer_key, taxpayer_id, state, value, at_line, {deviation} AS deviation, amount{columns} FROM stated)")
    return ctes
