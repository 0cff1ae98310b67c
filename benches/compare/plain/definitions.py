"""Reads indicators, features, SQL files and the peer rules of the scorecard. Data only: nothing is translated here.

What the words mean is written in sql/features.toml and docs; the calendar of months (YYYYMM) is here too.
"""

import calendar
import datetime
import glob
import os
import tomllib
from dataclasses import dataclass

from .claims import TABLES

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
GRAIN_MONTHS = {"month": 1, "quarter": 3, "year": 12}


# ---- months -----------------------------------------------------------------------------------------------------


def add_months(period, months):
    index = period // 100 * 12 + period % 100 - 1 + months
    return index // 12 * 100 + index % 12 + 1


def last_day(period):
    year, month = divmod(period, 100)
    return datetime.date(year, month, calendar.monthrange(year, month)[1])


def at_grain(as_of, grain):
    """The month an indicator of this grain is read at: the end of the latest complete quarter or year."""
    return add_months(as_of, -(as_of % 100 % GRAIN_MONTHS[grain]))


# ---- definitions ------------------------------------------------------------------------------------------------


@dataclass
class Line:
    """A warning line: `value`, or `factor` times a `peer` figure, or a robust `z`."""

    op: str
    value: float | None
    peer: str | None
    factor: float
    z: float | None
    min_peers: int | None
    start: datetime.date | None
    end: datetime.date | None

    def in_force(self, day):
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)

    @property
    def needs_peers(self):
        return self.value is None


@dataclass
class Fact:
    name: str
    expr: str
    unit: str


@dataclass
class Indicator:
    code: str
    grain: str
    applies: str | None
    value: str
    amount: str | None
    facts: list
    lines: list

    def fact(self, name):
        return next((n, f) for n, f in enumerate(self.facts) if f.name == name)

    def lines_at(self, as_of):
        day = last_day(at_grain(as_of, self.grain))
        return [line for line in self.lines if line.in_force(day)]


def read_line(t):
    value = t.get("value")
    return Line(
        t["op"], None if value is None else float(value), t.get("peer"), float(t.get("factor", 1.0)),
        None if t.get("z") is None else float(t["z"]), t.get("min_peers"), as_date(t.get("from")), as_date(t.get("to")),
    )


def as_date(value):
    return datetime.date.fromisoformat(value) if isinstance(value, str) else value


def read_indicator(path):
    with open(path, "rb") as file:
        t = tomllib.load(file)
    facts = [Fact(name, f["expr"], f["unit"]) for name, f in t["facts"].items()]
    return Indicator(t["code"], t["grain"], t.get("applies"), t["value"], t.get("amount"), facts, [read_line(line) for line in t["lines"]])


class Definitions:
    """Everything that comes with Assay; a warehouse's own definitions are not read."""

    def __init__(self, root=ROOT):
        found = [read_indicator(path) for path in glob.glob(f"{root}/indicators/catalogue/**/*.toml", recursive=True)]
        self.indicators = sorted(found, key=lambda indicator: indicator.code)
        with open(f"{root}/sql/features.toml", "rb") as file:
            self.features = tomllib.load(file)
        self.queries = read_sql(f"{root}/sql/features")
        self.monthly = read_sql(f"{root}/sql/monthly")
        # What a scan reads in place of invoices, lines and claims.
        self.rollups = read_sql(f"{root}/sql/rollups") | TABLES
        with open(f"{root}/risk-models/scorecard.toml", "rb") as file:
            self.peers = tomllib.load(file)["peers"]
        self.codes = {os.path.basename(p)[:-4]: p for p in glob.glob(f"{root}/datasets/codes/*.tsv")}

    def kind(self, feature):
        """Where a profile column comes from: ("registration" | "monthly" | "as_of", source)."""
        source = self.features[feature]["source"]
        if source == "taxpayer":
            return "registration", source
        monthly = source.startswith("rollup_") or source in self.monthly
        return ("monthly" if monthly else "as_of"), source


def read_sql(folder):
    found = {}
    for path in sorted(glob.glob(f"{folder}/*.sql")):
        with open(path, encoding="utf-8") as file:
            found[os.path.basename(path)[:-4]] = file.read()
    return found
