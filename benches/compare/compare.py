#!/usr/bin/env python3
"""Assay and its peers (DuckDB, openpyxl, OpenFisca-Core) on the same work, the same files, the same threads, in one run.

Prints times, CPU seconds, peak memory and ratios; exits 0 whatever they are. See README.md beside this file for
what exactly is measured. Each side of each measurement runs in a process of its own; sides take turns.
"""

import argparse
import csv
import glob
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from indicators_part import indicators, worker_plain
from openfisca_part import policies, worker_openfisca

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUDGET = 300.0  # seconds one side of one measurement may take in all before its repetitions end


# ---- measuring --------------------------------------------------------------------------------------------------


class Side:
    """One side of a measurement: what is prepared outside the clock, what runs, and the samples taken."""

    def __init__(self, name, command, prepare=lambda: None, allowed=(0,)):
        self.name, self.command, self.prepare, self.allowed = name, command, prepare, allowed
        self.samples, self.spent, self.output = [], 0.0, ""

    def sample(self, keep):
        self.prepare()
        began = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(self.command, stdout=out, stderr=err, env=environment())
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0), err.seek(0)
            out, err = out.read().decode(errors="replace"), err.read().decode(errors="replace")
        if process.returncode not in self.allowed:
            sys.exit(f"compare: exit {process.returncode} from {' '.join(self.command)}\n{err}")
        self.output = out + err
        taken = {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}
        if "--worker" in self.command:
            # A peer's clock starts after Python and its imports; its memory is that of the whole process.
            taken.update(json.loads(out))
        if keep:
            self.samples.append(taken)
        self.spent += seconds

    def median(self, what):
        return statistics.median(s[what] for s in self.samples)


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("ASSAY_")}


def measure(sides, runs):
    """A warm-up that does not count, then `runs` repetitions in turn; a slow side stops early, but not before one."""
    for number in range(runs + 1):
        for side in sides:
            if number < 2 or side.spent < BUDGET:
                side.sample(keep=number > 0)
    return sides


# ---- peers, each in its own process -----------------------------------------------------------------------------


def worker_duckdb(threads, sql):
    import duckdb

    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF)
    connection = duckdb.connect(config={"threads": int(threads)})
    rows = sum(connection.execute(statement).fetchone()[0] for statement in sql)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"seconds": time.monotonic() - began, "cpu": cpu, "rows": rows}))


def worker_openpyxl(path):
    import openpyxl

    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF)
    book = openpyxl.load_workbook(path, read_only=True)
    rows = sum(1 for sheet in book.worksheets for _ in sheet.iter_rows(values_only=True))
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"seconds": time.monotonic() - began, "cpu": cpu, "rows": rows}))


def duckdb_copy(select, order, target):
    return f"COPY (SELECT * FROM ({select}) ORDER BY {order}) TO '{target}' (FORMAT parquet)"


# ---- data -------------------------------------------------------------------------------------------------------


class Real:
    """The set of 425 firms: three GB18030 CSV files and a workbook."""

    def __init__(self, folder, work):
        one = lambda part: glob.glob(f"{folder}/{part}")[0]
        firms, received, issued = (one(f"附件2*{p}*.csv") for p in ("企业信息", "进项发票信息", "销项发票信息"))
        self.label = "the real set"
        self.book = one("附件1*.xlsx")
        self.load = ["ingest", "all", "--mapping", "cumcm2020c", firms, received, issued]
        self.load_book = ["ingest", "all", "--mapping", "cumcm2020c", self.book]
        self.load_all = [[*self.load, self.book]]
        self.as_of = "202002"
        self.sql = self.duckdb(work, *(utf8(f, work) for f in (firms, received, issued)))
        self.rows = count_lines(f"{work}/utf8-*") - 3
        extra = f"{work}/附件2_销项发票信息_one_more_month.csv"
        one_more_month(issued, extra)
        self.load_month = ["ingest", "all", "--mapping", "cumcm2020c", extra]
        self.next = "202003"

    @staticmethod
    def duckdb(work, firms, received, issued):
        """One COPY a table, columns as the mapping makes them, typed."""
        typed = (
            "{'企业代号': 'VARCHAR', '发票号码': 'VARCHAR', '开票日期': 'DATE', '%s': 'VARCHAR', '金额': 'DECIMAL(18,2)', "
            "'税额': 'DECIMAL(18,2)', '价税合计': 'DECIMAL(18,2)', '发票状态': 'VARCHAR'}"
        )
        def side(path, partner, seller, buyer):
            return (
                f"SELECT year(开票日期) * 100 + month(开票日期) AS period, {seller} AS seller_id, {buyer} AS buyer_id, "
                "发票号码 AS invoice_no, 开票日期 AS issued_at, 金额 AS amount, 税额 AS tax, 价税合计 AS total, "
                f"trim(发票状态) AS status FROM read_csv('{path}', header = true, dateformat = '%Y/%m/%d', columns = {typed % partner})"
            )
        both = f"{side(received, '销方单位代号', '销方单位代号', '企业代号')} UNION ALL {side(issued, '购方单位代号', '企业代号', '购方单位代号')}"
        register = f"SELECT 企业代号 AS taxpayer_id, trim(企业名称) AS name FROM read_csv('{firms}', header = true, all_varchar = true)"
        return [
            duckdb_copy(both, "period, seller_id, issued_at", f"{work}/duckdb-invoice.parquet"),
            duckdb_copy(register, "taxpayer_id", f"{work}/duckdb-taxpayer.parquet"),
        ]


class Synthetic:
    """What `assay demo` generates, where the real set is not at hand. Small: 300 taxpayers, 12 months."""

    def __init__(self, assay, work):
        assay.run("", ["demo", f"{work}/demo"])
        files = f"{work}/demo/files"
        months = sorted(glob.glob(f"{files}/invoice_*.csv"))
        self.label = "a small synthetic set (no real data here: set ASSAY_REAL_DATA); the targets are not for it"
        self.rows = sum(count_lines(m) - 1 for m in months)
        self.load = ["ingest", "invoice", *months]
        self.book = f"{work}/invoices.xlsx"
        write_book(months, self.book)
        self.load_book = ["ingest", "invoice", self.book]
        self.load_all = [["ingest", "taxpayer", f"{files}/taxpayer.csv"], ["ingest", "invoice", *months[:-1]]]
        self.load_month = ["ingest", "invoice", months[-1]]
        self.as_of, self.next = (os.path.basename(m)[8:14] for m in months[-2:])
        money = ", ".join(f"'{c}': 'DECIMAL(18,2)'" for c in ("amount", "tax", "total"))
        listed = ", ".join(f"'{m}'" for m in months)
        select = f"SELECT * FROM read_csv([{listed}], header = true, types = {{{money}, 'issued_at': 'TIMESTAMP', 'period': 'INTEGER'}})"
        self.sql = [duckdb_copy(select, "period, seller_id, issued_at", f"{work}/duckdb-invoice.parquet")]


class Large:
    """Made-up canonical invoices in any number, as CSV and as Parquet: what loading costs when the data does not fit
    into a cache. Sellers are in no order, so both sides have to sort everything."""

    MONEY = "{'amount': 'DECIMAL(18,2)', 'tax': 'DECIMAL(18,2)', 'total': 'DECIMAL(18,2)', 'issued_at': 'TIMESTAMP'}"

    def __init__(self, work, rows):
        self.rows, self.csv, self.parquet = rows, f"{work}/large.csv", f"{work}/large.parquet"
        subprocess.run(worker("make", str(rows), self.csv, self.parquet), check=True)
        order = "year(issued_at) * 100 + month(issued_at), seller_id, issued_at, invoice_id"
        typed = f"SELECT *, CAST(year(issued_at) * 100 + month(issued_at) AS INTEGER) AS period FROM"
        self.sql = {
            self.csv: duckdb_copy(f"{typed} read_csv('{self.csv}', header = true, types = {self.MONEY})", order, f"{work}/duckdb.parquet"),
            self.parquet: duckdb_copy(f"{typed} read_parquet('{self.parquet}')", order, f"{work}/duckdb.parquet"),
        }


def worker_make(rows, csv_path, parquet_path):
    """The data of `Large`; every value follows from the row's number."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"""COPY (
        SELECT printf('24%02d2%015d', h1 % 31 + 11, i) AS invoice_id,
            CASE WHEN h2 % 3 = 0 THEN 'e_special' ELSE 'e_ordinary' END AS kind,
            TIMESTAMP '2024-01-01 08:00:00' + INTERVAL (h3 % 31536000) SECOND AS issued_at,
            printf('9133%014d', s) AS seller_id, printf('某市第%d贸易有限公司', s) AS seller_name,
            CASE WHEN h4 % 10 > 0 THEN printf('9133%014d', b) END AS buyer_id, printf('某县第%d实业有限公司', b) AS buyer_name,
            CAST(amount / 100 AS DECIMAL(18,2)) AS amount, CAST(round(amount * 0.13 / 100, 2) AS DECIMAL(18,2)) AS tax,
            CAST(amount / 100 AS DECIMAL(18,2)) + CAST(round(amount * 0.13 / 100, 2) AS DECIMAL(18,2)) AS total,
            CASE WHEN h5 % 40 = 0 THEN 'void' ELSE 'valid' END AS status, NULL::VARCHAR AS remark
        FROM (SELECT i, hash(i) AS h1, hash(i + 1000000007) AS h2, hash(i * 3 + 1) AS h3, hash(i * 5 + 2) AS h4, hash(i * 7 + 3) AS h5,
                hash(i * 11 + 4) % 200000 AS s, hash(i * 17 + 6) % 200000 AS b, CAST(hash(i * 19 + 7) % 10000000 + 100 AS DECIMAL(18,0)) AS amount
              FROM range({int(rows)}) t(i))
        ) TO '{csv_path}' (HEADER)""")
    connection.execute(f"COPY (SELECT * FROM read_csv('{csv_path}', header = true, types = {Large.MONEY})) TO '{parquet_path}' (FORMAT parquet)")


def utf8(path, work):
    """The file re-encoded; not part of any measurement."""
    target = f"{work}/utf8-{os.path.basename(path)}"
    with open(path, encoding="gb18030", newline="") as source, open(target, "w", encoding="utf-8", newline="") as out:
        shutil.copyfileobj(source, out)
    return target


def count_lines(pattern):
    total = 0
    for path in glob.glob(pattern):
        with open(path, "rb") as file:
            total += sum(1 for _ in file)
    return total


def one_more_month(issued, target):
    """A file of March 2020: the invoices issued in January 2020, two months later."""
    with open(issued, encoding="gb18030", newline="") as source, open(target, "w", encoding="gb18030", newline="") as out:
        rows, writer = csv.reader(source), csv.writer(out)
        header = next(rows)
        date = header.index("开票日期")
        writer.writerow(header)
        for row in rows:
            if row[date].startswith("2020/1/"):
                writer.writerow([*row[:date], row[date].replace("2020/1/", "2020/3/"), *row[date + 1:]])


def write_book(months, target):
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("invoice")
    for number, month in enumerate(months):
        with open(month, encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.reader(file)):
                if line or not number:
                    sheet.append(row)
    book.save(target)


# ---- the work ---------------------------------------------------------------------------------------------------


class Assay:
    """The binary; every command with the same number of threads."""

    def __init__(self, path, threads):
        self.path, self.threads = path, threads

    def command(self, warehouse, args):
        return [self.path, "--threads", str(self.threads), *(["-w", warehouse] if warehouse else []), *args]

    def run(self, warehouse, args):
        done = subprocess.run(self.command(warehouse, args), capture_output=True, env=environment())
        if done.returncode not in (0, 3):
            sys.exit(f"compare: assay {' '.join(args)}\n{done.stderr.decode(errors='replace')}")
        return done.stderr.decode(errors="replace")

    def fresh(self, warehouse):
        shutil.rmtree(warehouse, ignore_errors=True)
        self.run("", ["init", warehouse])


def worker(*args):
    return [sys.executable, os.path.abspath(__file__), "--worker", *args]


def load_text(assay, data, work, runs):
    ours = Side("assay", assay.command(f"{work}/a", data.load), lambda: assay.fresh(f"{work}/a"), allowed=(0, 3))
    peer = Side("duckdb", worker("duckdb", str(assay.threads), *data.sql))
    targets = ["time: at most 2.0 x (aim 1.2)", "peak: under 1024 MiB"]
    measure([ours, peer], runs)
    if peer.samples[0]["rows"] != data.rows:
        targets.append(f"NOT THE SAME WORK: duckdb wrote {peer.samples[0]['rows']:,} rows")
    return f"{data.rows:,} rows of CSV into sorted Parquet", [ours, peer], targets


def load_large(assay, data, work, runs):
    """Canonical CSV, then canonical Parquet, into sorted units."""
    for path, kind in ((data.csv, "CSV"), (data.parquet, "Parquet")):
        ours = Side("assay", assay.command(f"{work}/a", ["ingest", "invoice", path]), lambda: assay.fresh(f"{work}/a"))
        peer = Side("duckdb", worker("duckdb", str(assay.threads), data.sql[path]))
        measure([ours, peer], runs)
        yield f"{data.rows:,} invoices, {kind} to sorted Parquet", [ours, peer], ["time: at most 2.0 x", "peak: under 2048 MiB"]


def load_book(assay, data, work, runs):
    ours = Side("assay", assay.command(f"{work}/a", data.load_book), lambda: assay.fresh(f"{work}/a"), allowed=(0, 3))
    peer = Side("openpyxl", worker("openpyxl", data.book))
    targets = ["time: at most 0.20 x (5 times as fast)", "peak: under 2560 MiB"]
    measure([ours, peer], runs)
    return f"workbook of {peer.samples[0]['rows']:,} rows, headers too", [ours, peer], targets


def scans(assay, data, work, runs):
    """Three measurements: everything new, nothing new, one month new. Each run starts from its own copy."""
    base, warehouse = f"{work}/base", f"{work}/s"
    assay.fresh(base)
    for command in data.load_all:
        assay.run(base, command)

    def state(name, source, args):
        shutil.copytree(source, f"{work}/{name}")
        assay.run(f"{work}/{name}", args)
        return f"{work}/{name}"

    scanned = state("scanned", base, ["scan", "--as-of", data.as_of])
    added = state("added", scanned, data.load_month)

    def side(source, month):
        def prepare():
            shutil.rmtree(warehouse, ignore_errors=True)
            shutil.copytree(source, warehouse)
        return Side("assay", assay.command(warehouse, ["scan", "--as-of", month]), prepare)

    parts = (
        ("first scan, rollups included", base, data.as_of, ["time: under 5 s"]),
        ("second scan, nothing changed", scanned, data.as_of, ["time: under 1 s"]),
        ("scan after one more month's file", added, data.next, ["only that month's units rebuilt"]),
    )
    for title, source, month, targets in parts:
        ours = measure([side(source, month)], runs)
        built = [line for line in ours[0].output.splitlines() if line.startswith("rollup_") or " indicators, " in line]
        yield title, ours, targets, built


# ---- the report -------------------------------------------------------------------------------------------------

LINE = "{:<50} {:<9} {:>9} {:>9} {:>10} {:>5}  {}"


def show(title, sides, targets, notes=()):
    for number, side in enumerate(sides):
        remark = f"targets: {'; '.join(targets)}" if not number else ""
        figures = [f"{side.median(w):.{d}f}" for w, d in (("seconds", 3), ("cpu", 2), ("peak", 0))]
        print(LINE.format(title if not number else "", side.name, *figures, len(side.samples), remark))
    for peer in sides[1:]:
        ratios = [f"{sides[0].median(w) / peer.median(w):.2f} x" for w in ("seconds", "cpu", "peak")]
        print(LINE.format("", "ratio", *ratios, "", f"assay / {peer.name}"))
    for note in notes:
        print(f"    {note}")
    print(flush=True)


def peers():
    missing = []
    for name in ("duckdb", "openpyxl", "sqlglot", "OpenFisca-Core"):
        probe = subprocess.run([sys.executable, "-c", f"from importlib.metadata import version; print(version('{name}'))"], capture_output=True, text=True)
        if probe.returncode:
            missing.append(name)
        else:
            print(f"{name} {probe.stdout.strip()}", end=", ")
    if missing:
        print()
        sys.exit(f"compare: no Python package {', '.join(missing)}; run: pip install -r {os.path.relpath(HERE)}/requirements.txt")


def data_set(assay, work):
    folder = os.environ.get("ASSAY_REAL_DATA") or os.path.join(ROOT, "..", "shared", "data", "cumcm2020c")
    if len(glob.glob(f"{folder}/附件*")) >= 4:
        return Real(folder, work)
    return Synthetic(assay, work)


def sized(options, taxpayers):
    """The options with a number of taxpayers, where none was given."""
    return argparse.Namespace(**{**vars(options), "taxpayers": options.taxpayers or taxpayers})


def main():
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assay", default=os.path.join(target, "release", "assay"), help="binary [default: %(default)s]")
    parser.add_argument("--threads", type=int, default=2, help="threads of each side [default: 2]")
    parser.add_argument("--runs", type=int, default=5, help="repetitions after the warm-up; their median counts [default: 5]")
    parser.add_argument("--only", choices=("text", "book", "scan", "large", "indicators", "policies"), help="one part only")
    parser.add_argument("--invoices", type=int, default=0, help="rows of the part `large`, which runs when this or --only large is given [10,000,000]")
    parser.add_argument("--taxpayers", type=int, default=0, help="size of the parts `indicators` and `policies`, which run when this or --only is given [2,000 and 100,000]")
    parser.add_argument("--sample", type=int, default=0, help="of the part `indicators`: about so many of the single queries only, extrapolated [all]")
    options = parser.parse_args()
    assay = Assay(os.path.abspath(options.assay), options.threads)
    if not os.access(assay.path, os.X_OK):
        sys.exit(f"compare: no binary at {assay.path}; build it with: cargo build --release -p assay-cli")
    version = subprocess.run([assay.path, "--version"], capture_output=True, text=True).stdout.split()[-1]
    print(f"assay {version}", end=", ")
    peers()
    print(f"{options.threads} threads each, {os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f} at the start")
    with tempfile.TemporaryDirectory(prefix="assay-compare-") as work:
        if options.only not in ("large", "indicators", "policies"):
            data = data_set(assay, work)
            print(f"data: {data.label}; medians of {options.runs} runs after a warm-up\n")
        print(LINE.format("work", "", "seconds", "CPU s", "peak MiB", "runs", ""))
        if options.only == "large" or (options.only is None and options.invoices):
            for part in load_large(assay, Large(work, options.invoices or 10_000_000), work, options.runs):
                show(*part)
        if options.only == "indicators" or (options.only is None and options.taxpayers):
            for part in indicators(assay, Side, worker, measure, work, sized(options, 2_000)):
                show(*part)
        if options.only == "policies" or (options.only is None and options.taxpayers):
            for part in policies(assay, Side, worker, measure, work, sized(options, 100_000)):
                show(*part)
        if options.only in (None, "text"):
            show(*load_text(assay, data, work, options.runs))
        if options.only in (None, "book"):
            show(*load_book(assay, data, work, options.runs))
        if options.only in (None, "scan"):
            for part in scans(assay, data, work, options.runs):
                show(*part)
    print(f"load {os.getloadavg()[0]:.1f} at the end; a load above the threads means other work disturbed the figures")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        workers = {"duckdb": lambda threads, *sql: worker_duckdb(threads, sql), "openpyxl": worker_openpyxl, "make": worker_make, "plain": worker_plain, "openfisca": worker_openfisca}
        workers[sys.argv[2]](*sys.argv[3:])
    else:
        main()
