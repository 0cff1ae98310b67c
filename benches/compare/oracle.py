#!/usr/bin/env python3
"""Holds a scan of Assay against a naive one in plain DuckDB SQL over the same files: every indicator, hit by hit.

Prints one line for each indicator that disagrees, with examples, and a summary; exits 1 when any disagrees. The scan to
check must be stored in the warehouse (`assay scan`); with --generate the command makes a synthetic warehouse of its own.
"""

import argparse
import decimal
import json
import math
import os
import subprocess
import sys
import tempfile
import time

from plain.definitions import ROOT
from plain.rows import check_sources
from plain.run import TALLY, Scan

RELATIVE = 1e-9
EXAMPLES = 3


def stored(connection, warehouse, table, as_of):
    """Rows of a result table of the month, as dicts."""
    connection.execute(warehouse.view(table).replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
    cursor = connection.execute(f"SELECT * FROM {table} WHERE as_of = {as_of}")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def last_month(path):
    """The month of the last scan."""
    commits = f"{path}/commits"
    for name in sorted(os.listdir(commits), reverse=True):
        with open(f"{commits}/{name}", encoding="utf-8") as file:
            commit = json.load(file)
        if commit["operation"] == "scan":
            return commit["info"]["as_of"]
    sys.exit(f"oracle: no scan in {path}; run: assay scan -w {path}")


# ---- comparing --------------------------------------------------------------------------------------------------


def close(ours, theirs):
    return math.isclose(ours, theirs, rel_tol=RELATIVE, abs_tol=1e-12)


def same_fact(ours, theirs):
    """A fact of the result table (JSON) and the same fact of DuckDB."""
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if isinstance(theirs, bool) or isinstance(ours, bool):
        return ours is theirs
    if isinstance(theirs, float):
        return close(float(ours), theirs)
    if isinstance(theirs, (int, decimal.Decimal)):
        return decimal.Decimal(ours) == theirs
    return str(ours) == str(theirs)


def differences(hit, naive):
    """What a hit says otherwise than the naive one, as texts."""
    value, line, deviation, amount, facts = naive[1:]
    pairs = [("value", hit["value"], value), ("line", hit["line"], line), ("deviation", hit["deviation"], deviation)]
    found = [f"{name} {ours!r} / {theirs!r}" for name, ours, theirs in pairs if not close(ours, theirs)]
    if hit["amount"] != amount:
        found.append(f"amount {hit['amount']} / {amount}")
    told = json.loads(hit["facts"], parse_float=decimal.Decimal)
    for name, theirs in facts.items():
        ours = told[name]["value"] if name in told else "missing"
        if not same_fact(ours, theirs):
            found.append(f"{name} {ours} / {theirs}")
    return found


def compare(tally, hits, naive):
    """All that Assay says of an indicator otherwise, as texts."""
    found = []
    ours = tuple(tally[name] for name in TALLY)
    if ours != naive.tally:
        found.append(f"tally ({', '.join(TALLY)}) {ours} / {naive.tally}")
    theirs = {hit[0]: hit for hit in naive.hits}
    ours = {hit["taxpayer_id"]: hit for hit in hits}
    for side, extra in (("only Assay", ours.keys() - theirs.keys()), ("only DuckDB", theirs.keys() - ours.keys())):
        if extra:
            found.append(f"{len(extra)} hits of {side}: {', '.join(sorted(extra)[:EXAMPLES])}")
    wrong = {id: differences(ours[id], theirs[id]) for id in sorted(ours.keys() & theirs.keys())}
    wrong = {id: texts for id, texts in wrong.items() if texts}
    if wrong:
        examples = "; ".join(f"{id}: {', '.join(texts)}" for id, texts in list(wrong.items())[:EXAMPLES])
        found.append(f"{len(wrong)} of {len(ours)} hits differ: {examples}")
    return found


def check(path, as_of, codes, options):
    """Prints what disagrees; how many indicators do."""
    began = time.monotonic()
    scan = Scan(path, as_of, options.threads, options.memory, codes)
    tallies = {row["indicator"]: row for row in stored(scan.connection, scan.warehouse, "scan_indicator", as_of)}
    hits = {}
    for hit in stored(scan.connection, scan.warehouse, "hit", as_of):
        hits.setdefault(hit["indicator"], []).append(hit)
    statements, queries = ([], scan.plan_each()) if options.each else scan.plan_fused()
    if not options.each:
        scan.materialise_rollups()
    agreed = disagreed = rows = 0
    for indicator, naive in scan.run(statements, queries):
        code = indicator.code
        texts = compare(tallies[code], hits.get(code, []), naive) if code in tallies else ["not in scan_indicator"]
        rows += len(naive.hits)
        agreed, disagreed = agreed + (not texts), disagreed + bool(texts)
        if texts:
            print(f"{code}: {' | '.join(texts)}", flush=True)
    missing = sorted(set(tallies) - {i.code for i in scan.indicators}) if not codes else []
    if missing:
        print(f"not in force here, but in scan_indicator: {', '.join(missing)}")
    way = "one query an indicator" if options.each else "sources aggregated once"
    seconds = time.monotonic() - began
    print(f"{path}, {as_of}: {agreed} indicators agree, {disagreed} disagree; {rows} hits ({way}, {seconds:.0f} s)")
    return disagreed + len(missing) + (rows_differ(scan, options.assay) if options.sources else 0)


def rows_differ(scan, assay):
    """Prints where rows behind the facts differ; how many columns do."""
    found, compared = check_sources(scan, scan.used_sources(), assay)
    for text in found:
        print(text)
    print(f"{compared} sources compared row by row, {len(found)} differences")
    return len(found)


# ---- warehouses -------------------------------------------------------------------------------------------------


def generate(assay, taxpayers, months, seed, folder):
    path = f"{folder}/generated"
    for args in (["generate", "--taxpayers", str(taxpayers), "--months", str(months), "--seed", str(seed)], ["scan"]):
        done = subprocess.run([assay, "-w", path, *args], capture_output=True)
        if done.returncode:
            sys.exit(f"oracle: assay {' '.join(args)}\n{done.stderr.decode(errors='replace')}")
    return path


def main():
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", help="a scanned warehouse (local)")
    parser.add_argument("--generate", type=int, metavar="N", help="make a warehouse of N taxpayers and scan it")
    parser.add_argument("--months", type=int, default=12, help="months to generate [default: 12]")
    parser.add_argument("--seed", type=int, default=3, help="seed to generate from [default: 3]")
    parser.add_argument("--as-of", type=int, help="month of the scan [default: that of the last scan]")
    parser.add_argument("--assay", default=os.path.join(target, "release", "assay"), help="binary, for --generate and --sources [default: %(default)s]")
    parser.add_argument("--only", default="", help="codes of indicators, with commas")
    parser.add_argument("--sources", action="store_true", help="compare every row of rollups and feature queries too (runs assay sql)")
    parser.add_argument("--each", action="store_true", help="one query an indicator from the stored tables, nothing shared (slow)")
    parser.add_argument("--threads", type=int, default=2, help="threads of DuckDB [default: 2]")
    parser.add_argument("--memory", default="4GB", help="memory of DuckDB [default: 4GB]")
    options = parser.parse_args()
    if not options.warehouse and not options.generate:
        parser.error("give --warehouse or --generate")
    codes = [code for code in options.only.split(",") if code]
    with tempfile.TemporaryDirectory(prefix="assay-oracle-") as folder:
        path = options.warehouse or generate(options.assay, options.generate, options.months, options.seed, folder)
        sys.exit(1 if check(path, options.as_of or last_month(path), codes, options) else 0)


if __name__ == "__main__":
    main()
