"""The part `indicators` of compare.py: a whole scan against DuckDB doing the same from the same files.

DuckDB two ways: one query an indicator that shares nothing, and hand-fused (plain/run.py). What either finds is checked
against the scan by oracle.py, not here.
"""

import json
import os
import resource
import shutil
import time


def worker_plain(threads, way, rollups, sample, warehouse, as_of):
    """One side: `way` is each or fused; with rollups `built` the clock starts once they are there.

    Translating the definitions into SQL is not in the clock. Of `each` every n-th query may run only (`sample`).
    """
    from plain.run import Scan

    scan = Scan(warehouse, int(as_of), int(threads), "80%")
    statements, queries = ([], scan.plan_each()) if way == "each" else scan.plan_fused()
    step = max(len(queries) // int(sample), 1) if int(sample) else 1
    queries = queries[::step]
    if rollups == "built":
        scan.materialise_rollups()
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    if rollups == "fresh" and way == "fused":
        scan.materialise_rollups()
    hits = sum(len(found.hits) for _, found in scan.run(statements, queries))
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    whole = len(scan.indicators) / len(queries)
    print(json.dumps({"seconds": seconds * whole, "cpu": cpu * whole, "queries": len(queries), "of": len(scan.indicators), "hits": hits}))


class Economy:
    """A synthetic warehouse, in three states: loaded, with rollups built (by a scan of the month before), and the month to scan."""

    def __init__(self, assay, work, taxpayers):
        self.base, self.built, self.taxpayers = f"{work}/economy", f"{work}/economy-built", taxpayers
        assay.run(self.base, ["generate", "--taxpayers", str(taxpayers), "--months", "12", "--seed", "1"])
        months = sorted(int(name[7:]) for name in os.listdir(f"{self.base}/tables/invoice") if name.startswith("period="))
        self.as_of, self.before = months[-1], months[-2]
        shutil.copytree(self.base, self.built)
        assay.run(self.built, ["scan", "--as-of", str(self.before)])


def indicators(assay, side, worker, measure, work, options):
    """Yields title, sides, targets and notes, as compare.show takes them."""
    data = Economy(assay, work, options.taxpayers)
    warehouse = f"{work}/scan"

    def scan(source):
        def prepare():
            shutil.rmtree(warehouse, ignore_errors=True)
            shutil.copytree(source, warehouse)
        return side("assay", assay.command(warehouse, ["scan", "--as-of", str(data.as_of)]), prepare)

    def plain(name, way, rollups, sample=0):
        return side(name, worker("plain", str(assay.threads), way, rollups, str(sample), data.base, str(data.as_of)))

    sample = options.sample
    for rollups, source in (("fresh", data.base), ("built", data.built)):
        sides = [scan(source), plain("fused", "fused", rollups), plain("each", "each", rollups, sample)]
        measure(sides, options.runs)
        notes = [line for line in sides[0].output.splitlines() if " indicators, " in line]
        ran, of = (sides[2].samples[0][key] for key in ("queries", "of"))
        if sample:
            notes.append(f"each: {ran} queries of {of} ran, seconds and CPU EXTRAPOLATED to all; duckdb fused: {sides[1].samples[0]['hits']:,} hits")
        title = f"{data.taxpayers:,} taxpayers, 12 months; rollups {'to build' if rollups == 'fresh' else 'built'}"
        yield title, sides, ["none set"], notes
