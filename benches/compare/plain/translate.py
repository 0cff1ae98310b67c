"""The language of indicators as DuckDB SQL: facts over inputs (windows of months, as-of columns, registration columns), and
applies, value and amount over facts.

Two kinds of arithmetic. Exact (money, and everything inside a window): literals with a point are decimals of just their
digits, a division is exact_div. Double (all other units): literals with a point and divisions are doubles. Everywhere a
division by nothing is unknown, and so are least and greatest of an unknown.
"""

from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from .definitions import add_months, last_day

# What DuckDB and the language agree on is left to DuckDB; a count is cut, not rounded, as is every cast to a whole number.
TYPES = {
    "count": "TRY_CAST(trunc({}) AS BIGINT)", "days": "TRY_CAST(trunc({}) AS BIGINT)", "money": "TRY_CAST({} AS DECIMAL(28, 2))",
    "share": "finite({})", "ratio": "finite({})", "score": "finite({})", "date": "TRY_CAST({} AS DATE)", "text": "TRY_CAST({} AS VARCHAR)",
    "period": "TRY_CAST({} AS INTEGER)", "bool": "TRY_CAST({} AS BOOLEAN)",
}
FOLDS = {"lag": "max", "trailing": "sum", "trailing_max": "max", "trailing_min": "min", "trailing_avg": "avg", "months": "months"}


@dataclass(frozen=True)
class Window:
    """One aggregate over the rows of a monthly source."""

    source: str
    fold: str
    inner: str
    first: int
    last: int

    def sql(self):
        months = f"period BETWEEN {self.first} AND {self.last}"
        if self.fold == "months":
            return f"count(*) FILTER (WHERE {months} AND ({self.inner}))"
        return f"{self.fold}({self.inner}) FILTER (WHERE {months})"


class Inputs:
    """What facts read, each thing once: name of the column by what it is."""

    def __init__(self):
        self.windows, self.as_of, self.registration = {}, {}, {}

    def window(self, window):
        return self.windows.setdefault(window, f"a{len(self.windows)}")

    def as_of_column(self, file, at, column):
        return self.as_of.setdefault((file, at, column), f"x{len(self.as_of)}")

    def registered(self, column):
        return self.registration.setdefault(column, f"r_{column}")

    def sources(self):
        """(source, month or None) of everything read."""
        monthly = {(window.source, None) for window in self.windows}
        return sorted(monthly | {(file, at) for file, at, _ in self.as_of}, key=str)


def parse(text):
    return sqlglot.parse_one(text, read="duckdb")


def function_name(node):
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    return "lag" if isinstance(node, exp.Lag) else None


def arguments(node):
    if isinstance(node, exp.Lag):
        return [node.this, node.args["offset"]]
    return node.expressions


def literal(node, exact):
    """A literal with a point as a decimal of its digits or as a double."""
    text = node.this
    if node.is_string or "." not in text:
        return node
    if not exact:
        return parse(f"CAST('{text}' AS DOUBLE)")
    whole, fraction = text.split(".")
    return parse(f"CAST('{text}' AS DECIMAL({max(len(whole) + len(fraction), 1)}, {len(fraction)}))")


def meaning(node, exact):
    """An operation as the language means it; its parts are done already."""
    if isinstance(node, exp.Div):
        return parse(f"{'exact_div' if exact else 'double_div'}({sql(node.this)}, {sql(node.expression)})")
    if isinstance(node, exp.Mod):
        return parse(f"(({sql(node.this)}) % nullif({sql(node.expression)}, 0))")
    if isinstance(node, (exp.Least, exp.Greatest)):
        parts = [node.this, *node.expressions]
        unknown = " OR ".join(f"({sql(part)}) IS NULL" for part in parts)
        name = "least" if isinstance(node, exp.Least) else "greatest"
        return parse(f"CASE WHEN {unknown} THEN NULL ELSE {name}({', '.join(sql(part) for part in parts)}) END")
    return node


def sql(node):
    return node.sql(dialect="duckdb")


def rewrite(node, exact, column, window=None):
    """The tree with literals, operations and names put into DuckDB's terms; `column` and `window` say what a name becomes."""
    if window and function_name(node) in FOLDS:
        return parse(window(function_name(node), arguments(node)))
    if isinstance(node, exp.Column):
        return parse(column(node.name.lower()))
    if isinstance(node, exp.Literal):
        return literal(node, exact)
    node = node.copy()
    for key, value in list(node.args.items()):
        if isinstance(value, exp.Expression) and not isinstance(value, exp.DataType):
            node.set(key, rewrite(value, exact, column, window))
        elif isinstance(value, list):
            done = [rewrite(v, exact, column, window) if isinstance(v, exp.Expression) else v for v in value]
            node.set(key, done)
    return meaning(node, exact)


class Translator:
    """Facts of indicators read at a month, over inputs shared by all that use this translator."""

    def __init__(self, definitions):
        self.definitions, self.inputs = definitions, Inputs()

    def fact(self, fact, at):
        """A fact in the type of its unit."""
        tree = rewrite(parse(fact.expr), fact.unit == "money", lambda name: self.column(name, at), lambda f, a: self.window(f, a, at))
        return TYPES[fact.unit].format(sql(tree))

    def column(self, name, at):
        if name == "as_of":
            return str(at)
        if name == "as_of_date":
            return f"DATE '{last_day(at)}'"
        kind, source = self.definitions.kind(name)
        if kind == "registration":
            return self.inputs.registered(name)
        if kind == "as_of":
            return self.inputs.as_of_column(source, at, name)
        return self.inputs.window(Window(source, "max", name, at, at))

    def window(self, name, given, at):
        inner, numbers = given[0], [int(n.name) for n in given[1:]]
        months, back = (1, numbers[0]) if name == "lag" else (numbers[0], numbers[1] if len(numbers) > 1 else 0)
        sources = {self.definitions.kind(c.name.lower())[1] for c in inner.find_all(exp.Column) if c.name.lower() != "period"}
        (source,) = sources
        tree = rewrite(inner, True, lambda column: column)
        return self.inputs.window(Window(source, FOLDS[name], sql(tree), add_months(at, 1 - back - months), add_months(at, -back)))

    def size(self, as_of):
        """Sales of twelve months, by which peers are banded."""
        return self.inputs.window(Window("rollup_sold", "sum", "sold_amount", add_months(as_of, -11), as_of))


def verdict(indicator, columns):
    """applies, value and amount of an indicator as SQL; `columns[n]` is the column of its n-th fact."""

    def name(exact):
        def column(name):
            n, fact = indicator.fact(name)
            if exact and fact.unit in ("share", "ratio", "score"):
                return f"TRY_CAST({columns[n]} AS DECIMAL(28, 9))"
            if not exact and fact.unit in ("count", "days", "money"):
                return f"CAST({columns[n]} AS DOUBLE)"
            return columns[n]
        return column

    applies = sql(rewrite(parse(indicator.applies), False, name(False))) if indicator.applies else "true"
    value = f"finite({sql(rewrite(parse(indicator.value), False, name(False)))})"
    amount = indicator.amount and f"TRY_CAST({sql(rewrite(parse(indicator.amount), True, name(True)))} AS DECIMAL(18, 2))"
    return applies, value, amount or "CAST(NULL AS DECIMAL(18, 2))"
