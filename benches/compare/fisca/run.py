"""One run of OpenFisca over a warehouse: Parquet files to arrays by DuckDB, the simulation, findings to Parquet files.

Two ways. `whole`, as OpenFisca is mostly used: all months are put in, then all are calculated. `monthly` spares memory: a month is put in,
calculated and written, and inputs no later month looks at are dropped.
"""

import os
import resource
import time

import duckdb
import numpy
from openfisca_core.periods import period as month_of
from openfisca_core.simulation_builder import SimulationBuilder

from plain.sources import Warehouse

from .rules import AMOUNTS, FLAGS, POLICIES, Answer, Money, VatStatus, system

TABLES = ("taxpayer", "vat_return", "other_tax_return", "benefit_claim", "waiver", "cit_return", "invoice_line")
LOOKBACK = 3  # months before a period that a formula may look at
OUTCOMES = ("answer", "claimed", "benefit", "amount")


def fen(expression):
    """Yuan of a decimal column as whole fen in a double; nothing where it is not stated."""
    return f"CAST(coalesce({expression}, 0) * 100 AS DOUBLE)"


# One query a table and month; `taxpayer_key` and the inputs by name. Facts are cut as sql/features and sql/monthly cut them.
SMALL = f"""SELECT taxpayer_key, true AS small_filed,
    {fen('coalesce(small_sales_3pct, 0) + coalesce(small_sales_5pct, 0) + coalesce(export_sales, 0) + CASE WHEN coalesce(exempt_sales, 0) = 0 '
         'THEN coalesce(small_exempt_sales, 0) ELSE greatest(exempt_sales, coalesce(small_exempt_sales, 0)) END')} AS small_declared,
    {fen('small_exempt_sales')} AS small_exempt, {fen('small_sales_3pct')} AS small_at_3, {fen('small_sales_5pct')} AS small_at_5,
    {fen('invoiced_special_sales')} AS small_special
FROM vat_return WHERE period = $month AND form = 'small'"""
GENERAL = f"""SELECT taxpayer_key, true AS general_filed,
    {fen('coalesce(taxable_sales, 0) + coalesce(simple_sales, 0) + coalesce(export_sales, 0) + coalesce(exempt_sales, 0)')} AS general_sales
FROM vat_return WHERE period = $month AND form = 'general'"""
FEES = f"""SELECT taxpayer_key,
    {fen("sum(base) FILTER (WHERE tax_code = 'education')")} AS education_base,
    {fen("sum(tax_due) FILTER (WHERE tax_code = 'education')")} AS education_due,
    {fen("sum(base) FILTER (WHERE tax_code = 'local_education')")} AS local_base,
    {fen("sum(tax_due) FILTER (WHERE tax_code = 'local_education')")} AS local_due
FROM other_tax_return WHERE period = $month AND tax_code IN ('education', 'local_education') GROUP BY taxpayer_key"""
CLAIMS = f"""SELECT taxpayer_key,
    {fen("sum(relief) FILTER (WHERE relief_code = '0061042802')")} AS education_relief,
    {fen("sum(relief) FILTER (WHERE relief_code = '0099042802')")} AS local_relief
FROM benefit_claim WHERE period = $month AND relief_code IN ('0061042802', '0099042802') GROUP BY taxpayer_key"""
ESTATE = f"""SELECT seller_key AS taxpayer_key,
    {fen("sum(amount) FILTER (WHERE goods_code LIKE '5%')")} AS estate_sold,
    {fen("sum(amount) FILTER (WHERE goods_code LIKE '304050202%')")} AS estate_let
FROM invoice_line WHERE period = $month AND seller_key IS NOT NULL AND (goods_code LIKE '5%' OR goods_code LIKE '304050202%')
GROUP BY seller_key"""
WAIVERS = """SELECT DISTINCT taxpayer_key, true AS waived_b04 FROM waiver
WHERE policy_code = 'B04' AND from_on <= $last AND (to_on IS NULL OR to_on >= $last)"""
# The yearly return where there is one, else the quarter's. Employees count in hundredths, as every number here.
INCOME = f"""SELECT taxpayer_key, true AS cit_filed, coalesce(restricted_industry, false) AS cit_restricted,
    {fen('taxable_income')} AS cit_income, {fen('assets_avg')} AS cit_assets, {fen('employees_avg')} AS cit_employees,
    {fen('small_profit_relief')} AS cit_claimed, {fen('coalesce(high_tech_relief, 0) + coalesce(region_relief, 0)')} AS cit_other_rates
FROM cit_return WHERE period = $month AND period_type IN ('Q', 'Y')
QUALIFY row_number() OVER (PARTITION BY taxpayer_key ORDER BY period_type DESC) = 1"""
STATUS = f"""SELECT taxpayer_key, CASE vat_status WHEN 'general' THEN {VatStatus.general.index}
    WHEN 'small_scale' THEN {VatStatus.small_scale.index} ELSE {VatStatus.unknown.index} END AS registered_status
FROM taxpayer WHERE (valid_from IS NULL OR valid_from <= $last) AND (valid_to IS NULL OR valid_to >= $last)
QUALIFY row_number() OVER (PARTITION BY taxpayer_key ORDER BY valid_from DESC) = 1"""
INPUTS = (SMALL, GENERAL, FEES, CLAIMS, ESTATE, WAIVERS, INCOME, STATUS)
REGISTER = "SELECT taxpayer_key, year(registered_on) * 10000 + month(registered_on) * 100 + day(registered_on) FROM taxpayer WHERE valid_to IS NULL"
KINDS = {variable.__name__: numpy.bool_ for variable in FLAGS} | {variable.__name__: numpy.float64 for variable in AMOUNTS}


class Run:
    """A simulation over the taxpayers of a warehouse, and the seconds its steps took."""

    def __init__(self, warehouse, threads, out):
        self.seconds = {"read": 0.0, "compute": 0.0, "write": 0.0}
        self.findings, self.out = 0, out
        os.makedirs(out, exist_ok=True)
        with Clock(self, "read"):
            self.connection = duckdb.connect(config={"threads": threads})
            stored = Warehouse(warehouse)
            for table in TABLES:
                self.connection.execute(stored.view(table))
            self.keys, registered = (column.filled(99991231) if numpy.ma.isMaskedArray(column) else column for column in self.columns(REGISTER))
            self.row_of = numpy.full(self.keys.max() + 1, -1)
            self.row_of[self.keys] = numpy.arange(len(self.keys))
            self.loaded = {int(month) for month in self.columns("SELECT DISTINCT period FROM vat_return")[0]}
            self.simulation = SimulationBuilder().build_default_simulation(system(), len(self.keys))
            self.simulation.set_input("registered_on", "eternity", registered)

    def columns(self, sql):
        return list(self.connection.execute(sql).fetchnumpy().values())

    def put_in(self, month):
        """Everything filed for a month becomes inputs."""
        with Clock(self, "read"):
            self.set("returns_loaded", month, numpy.full(len(self.keys), month in self.loaded))
            last = str(month_of(text_of(month)).stop)
            for sql in INPUTS:
                values = {name: value for name, value in (("month", month), ("last", last)) if f"${name}" in sql}
                found = self.connection.execute(sql, values).fetchnumpy()
                rows = self.rows(found.pop("taxpayer_key"))
                if not len(rows):
                    continue  # OpenFisca's default stands
                for name, column in found.items():
                    array = numpy.zeros(len(self.keys), KINDS.get(name, numpy.uint8))
                    array[rows[rows >= 0]] = column[rows >= 0]
                    self.set(name, month, array)

    def rows(self, keys):
        """Places of taxpayers; -1 of keys that are in no register."""
        known = keys < len(self.row_of)
        return numpy.where(known, self.row_of[numpy.where(known, keys, 0)], -1)

    def set(self, name, month, array):
        self.simulation.set_input(name, text_of(month), array)

    def calculate(self, month):
        """All policies whose period ends with the month."""
        with Clock(self, "compute"):
            for prefix, _, _, step in POLICIES:
                if month % 100 % step == 0:
                    for what in OUTCOMES:
                        self.simulation.calculate(f"{prefix}_{what}", text_of(month))

    def write(self, month, all_answers):
        """Findings of a month, a file: whatever is not simply «not due». For the check `all_answers`: that too, and what was assumed."""
        with Clock(self, "write"):
            parts = []
            for place, (prefix, _, _, step) in enumerate(POLICIES):
                if month % 100 % step == 0:
                    parts.append(self.picked(place, prefix, month, all_answers))
            found = {name: numpy.concatenate([part[name] for part in parts]) for name in parts[0]}
            self.findings += len(found["row"])
            self.store(month, found)

    def picked(self, place, prefix, month, all_answers):
        """The rows of a policy that say something."""
        arrays = [numpy.asarray(self.simulation.get_array(f"{prefix}_{what}", text_of(month))) for what in OUTCOMES]
        said = arrays[0] > (Answer.not_concerned.index if all_answers else Answer.not_due.index)
        row = numpy.flatnonzero(said)
        values = {what: array[row] for what, array in zip(OUTCOMES, arrays)}
        if all_answers:
            # Where the return does not say its months, one is assumed; Assay says that it does not know.
            asked = [self.simulation.calculate(name, text_of(month))[row] for name in ("small_filed", "return_months")]
            values["assumed"] = asked[0] & (asked[1] == 0)
        return {"row": self.keys[row], "policy": numpy.full(len(row), place, numpy.uint8), **values}

    def store(self, month, found):
        def named(words):
            return "[" + ", ".join("NULL" if word is None else f"'{word}'" for word in words) + "]"

        self.connection.register("found", found)
        stakes = ", ".join(f"'{answer}'" for answer in ("due_not_claimed", "claimed_not_due", "over_claimed", "under_claimed"))
        assumed = ", assumed" if "assumed" in found else ""
        money = ", ".join(f"CAST({what} AS DECIMAL(18, 0)) * 0.01 AS {what}" for what in OUTCOMES[1:])
        self.connection.execute(f"""COPY (
            SELECT {month} AS period, policy, part, taxpayer_key, answer, claimed, benefit, CASE WHEN answer IN ({stakes}) THEN amount END AS amount{assumed}
            FROM (SELECT {named(code for _, code, _, _ in POLICIES)}[policy + 1] AS policy, {named(part for _, _, part, _ in POLICIES)}[policy + 1] AS part,
                row AS taxpayer_key, {named(answer.name for answer in Answer)}[answer + 1] AS answer, {money}{assumed} FROM found)
            ) TO '{self.out}/{month}.parquet' (FORMAT parquet)""")
        self.connection.unregister("found")

    def drop(self, month):
        """Takes a month's values out of memory."""
        for population in self.simulation.populations.values():
            for holder in population._holders.values():
                if not holder._eternal:
                    holder.delete_arrays(month_of(text_of(month)))


class Clock:
    """Adds the seconds of a block to a step of a run."""

    def __init__(self, run, step):
        self.run, self.step = run, step

    def __enter__(self):
        self.began = time.monotonic()

    def __exit__(self, *_):
        self.run.seconds[self.step] += time.monotonic() - self.began


def text_of(month):
    return f"{month // 100}-{month % 100:02}"


def before(month, back):
    """The month so many months earlier."""
    count = month // 100 * 12 + month % 100 - 1 - back
    return count // 12 * 100 + count % 12 + 1


def between(first, last):
    count = (last // 100 - first // 100) * 12 + last % 100 - first % 100
    return [before(first, -ahead) for ahead in range(count + 1)]


def run(warehouse, threads, first, last, way, out, all_answers=False, exact=True):
    """Answers the three policies for every month from first to last; what it took."""
    Money.EXACT = exact
    began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    done = Run(warehouse, threads, out)
    months = between(first, last)
    # Formulas look back: earlier months are inputs only.
    early = [month for month in between(before(first, LOOKBACK), before(first, 1)) if month in done.loaded]
    for month in early + (months if way == "whole" else []):
        done.put_in(month)
    if way == "whole":
        for month in months:
            done.calculate(month)
        for month in months:
            done.write(month, all_answers)
    else:
        for month in months:
            done.put_in(month)
            done.calculate(month)
            done.write(month, all_answers)
            done.drop(before(month, LOOKBACK))
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return {"seconds": time.monotonic() - began, "cpu": cpu, "findings": done.findings, **done.seconds}
