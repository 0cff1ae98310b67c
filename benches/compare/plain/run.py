"""A scan of a month, either way: one query an indicator that shares nothing, or all sources aggregated once."""

from dataclasses import dataclass, field

import duckdb

from .definitions import Definitions, at_grain
from .functions import create_macros
from .judge import judged
from .sources import Sources, Warehouse, dialect
from .translate import Translator, verdict

PASSED = "taxpayer_key, taxpayer_id, industry_code, region_code"
TALLY = ("applicable", "hits", "unknown", "not_applicable")


@dataclass
class Found:
    """What one indicator came to: its tally, and its hits as (id, value, line, deviation, amount, facts by name)."""

    tally: tuple
    hits: list = field(default_factory=list)


class Scan:
    """A connection to a warehouse with everything the queries of a month need."""

    def __init__(self, warehouse, as_of, threads=1, memory="4GB", codes=()):
        self.definitions = Definitions()
        self.warehouse, self.as_of = Warehouse(warehouse), as_of
        self.connection = duckdb.connect(config={"threads": threads, "memory_limit": memory})
        create_macros(self.connection)
        self.warehouse.create_views(self.connection, self.definitions.codes, self.definitions.rollups)
        # The rollups and the cross-audit are computed from invoices, lines and claims, never those Assay stored.
        for name, text in self.definitions.rollups.items():
            self.connection.execute(f"CREATE VIEW {name} AS {dialect(name, text)}")
        self.sources = Sources(self.connection, self.definitions)
        chosen = (i for i in self.definitions.indicators if not codes or i.code in codes)
        self.indicators = [i for i in chosen if i.lines_at(as_of)]

    # ---- parts of both ------------------------------------------------------------------------------------------

    def inputs(self, translator, named):
        """The taxpayers of the register in force beside their rows in each source; `named` gives a source's table or CTE."""
        columns = ["t.taxpayer_key", "t.taxpayer_id", "t.industry_code", "t.region_code"]
        columns += [f't."{column}" AS {name}' for column, name in translator.inputs.registration.items()]
        # Who has no row in a source has counted nothing there; everything else of it is unknown.
        counts = {name for window, name in translator.inputs.windows.items() if window.fold == "months"}
        columns += [f"coalesce({name}, 0) AS {name}" if name in counts else name for name in translator.inputs.windows.values()]
        columns += translator.inputs.as_of.values()
        joins = " ".join(f"LEFT JOIN {named[s]} ON {named[s]}.taxpayer_key = t.taxpayer_key" for s in translator.inputs.sources())
        return f"SELECT {', '.join(columns)} FROM taxpayer AS t {joins} WHERE t.valid_to IS NULL"

    def source(self, key, translator):
        return self.sources.narrowed(self.sources.query(*key, translator.inputs))

    def found(self, indicator, relation):
        """Reads the hits and the tally of an indicator out of its judged rows."""
        states = dict(self.connection.execute(f"SELECT state, count(*) FROM {relation} GROUP BY state").fetchall())
        get = lambda state: states.get(state, 0)
        rows = self.connection.execute(f"SELECT * EXCLUDE (taxpayer_key, state) FROM {relation} WHERE state = 'hit'").fetchall()
        names = [fact.name for fact in indicator.facts]
        hits = [(*row[:5], dict(zip(names, row[5:]))) for row in rows]
        return Found((get("hit") + get("clear"), get("hit"), get("unknown"), get("not_applicable")), hits)

    # ---- one query an indicator ---------------------------------------------------------------------------------

    def one_query(self, indicator):
        """The whole of one indicator, from the stored tables to its judged rows."""
        translator = Translator(self.definitions)
        at = at_grain(self.as_of, indicator.grain)
        facts = [translator.fact(fact, at) for fact in indicator.facts]
        lines = indicator.lines_at(self.as_of)
        peers = any(line.needs_peers for line in lines)
        size = f"CAST({translator.size(self.as_of)} AS DECIMAL(28, 2))" if peers else "NULL"
        named = {key: f"s{n}" for n, key in enumerate(translator.inputs.sources())}
        ctes = [f"{name} AS ({self.source(key, translator)})" for key, name in named.items()]
        ctes.append(f"inputs AS ({self.inputs(translator, named)})")
        typed = "".join(f", {fact} AS f{n}" for n, fact in enumerate(facts))
        ctes.append(f"facts AS (SELECT {PASSED}, {size} AS size{typed} FROM inputs)")
        columns = [f"f{n}" for n in range(len(facts))]
        applies, value, amount = verdict(indicator, columns)
        ctes.append(f"verdicts AS (SELECT *, {applies} AS applies, {value} AS value, {amount} AS amount FROM facts)")
        ctes += judged(lines, columns, "verdicts", self.definitions.peers)
        return f"WITH {', '.join(ctes)} SELECT * FROM judged"

    def plan_each(self):
        """(indicator, its query) of all indicators."""
        return [(indicator, self.one_query(indicator)) for indicator in self.indicators]

    # ---- hand-fused ---------------------------------------------------------------------------------------------

    def plan_fused(self):
        """Statements that bring every source into a table once, then all facts, then all verdicts; (indicator, its query) over these."""
        translator = Translator(self.definitions)
        facts, used = {}, []
        for indicator in self.indicators:
            at = at_grain(self.as_of, indicator.grain)
            used.append([facts.setdefault(translator.fact(fact, at), f"f{len(facts)}") for fact in indicator.facts])
        size = translator.size(self.as_of)
        named = {key: f"source_{n}" for n, key in enumerate(translator.inputs.sources())}
        tables = {name: self.source(key, translator) for key, name in named.items()}
        tables["inputs"] = self.inputs(translator, named)
        typed = "".join(f", {sql} AS {name}" for sql, name in facts.items())
        tables["facts"] = f"SELECT {PASSED}, CAST({size} AS DECIMAL(28, 2)) AS size{typed} FROM inputs"
        parts = []
        for n, (indicator, columns) in enumerate(zip(self.indicators, used)):
            applies, value, amount = verdict(indicator, columns)
            parts.append(f"{applies} AS applies_{n}, {value} AS value_{n}, {amount} AS amount_{n}")
        tables["verdicts"] = f"SELECT *, {', '.join(parts)} FROM facts"
        statements = [f"CREATE TEMP TABLE {name} AS {query}" for name, query in tables.items()]
        return statements, [(i, self.over_verdicts(n, i, columns)) for n, (i, columns) in enumerate(zip(self.indicators, used))]

    def over_verdicts(self, n, indicator, columns):
        """The query of the n-th indicator where facts and verdicts are there already."""
        facts = "".join(f", {column} AS g{m}" for m, column in enumerate(columns))
        own = f"own AS (SELECT {PASSED}, size{facts}, applies_{n} AS applies, value_{n} AS value, amount_{n} AS amount FROM verdicts)"
        named = [f"g{m}" for m in range(len(columns))]
        ctes = [own, *judged(indicator.lines_at(self.as_of), named, "own", self.definitions.peers)]
        return f"WITH {', '.join(ctes)} SELECT * FROM judged"

    def used_sources(self):
        """Every source the facts read, as (name, month or None)."""
        translator = Translator(self.definitions)
        for indicator in self.indicators:
            for fact in indicator.facts:
                translator.fact(fact, at_grain(self.as_of, indicator.grain))
        return translator.inputs.sources()

    # ---- running ------------------------------------------------------------------------------------------------

    def materialise_rollups(self):
        """Puts tables, computed once from the invoices, in place of the views of rollups."""
        for name, text in self.definitions.rollups.items():
            self.connection.execute(f"DROP VIEW {name}")
            self.connection.execute(f"CREATE TEMP TABLE {name} AS {dialect(name, text)}")

    def run(self, statements, queries):
        """(indicator, what it came to), one after the other."""
        for statement in statements:
            self.connection.execute(statement)
        for indicator, query in queries:
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE judged_rows AS {query}")
            yield indicator, self.found(indicator, "judged_rows")
