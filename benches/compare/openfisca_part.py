"""The part `policies` of compare.py: three policies over every taxpayer and month, Assay and OpenFisca-Core from the same Parquet files.

The rules of OpenFisca's side are in fisca/rules.py, its run in fisca/run.py; openfisca_check.py holds the results against each other.
"""

import glob
import json
import os
import re
import shutil
import subprocess

ONLY = ("B04", "B10", "B17")
# Invoice lines a taxpayer and month: the fewest the generator makes. The three policies read them only for real estate.
LINES = 1


def worker_openfisca(*args):
    """One run of OpenFisca; imports are outside its clock."""
    from fisca.run import run

    warehouse, threads, first, last, way, out = args
    print(json.dumps(run(warehouse, int(threads), int(first), int(last), way, out)))


def linked(source, target):
    """A copy of a warehouse that shares its Parquet files, which nobody changes."""
    def copy(one, two):
        if one.endswith(".parquet"):
            try:
                return os.link(one, two)
            except OSError:  # another file system
                pass
        return shutil.copy2(one, two)

    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=copy)


class Asked:
    """How Assay is asked the three policies for the months of a warehouse: all in one run."""

    def __init__(self, assay, warehouse):
        self.assay = assay
        self.months = sorted(int(os.path.basename(folder)[7:]) for folder in glob.glob(f"{warehouse}/tables/vat_return/period=*"))
        self.first, self.last = self.months[0], self.months[-1]

    def command(self, warehouse, months=None):
        first, last = (months or self.months)[0], (months or self.months)[-1]
        return self.assay.command(warehouse, ["policies", "answer", "--only", ",".join(ONLY), "--from", str(first), "--to", str(last)])

    def computation(self, warehouse):
        """Seconds of asking alone, facts in memory: conditions, answers, amounts, what fails and what is missing; as the log says."""
        log = {**os.environ, "ASSAY_LOG": "assay_engine=debug", "NO_COLOR": "1"}
        done = subprocess.run(self.command(warehouse), capture_output=True, text=True, env=log)
        return sum(float(seconds) for seconds in re.findall(r"policies answered\D*([\d.]+)", done.stdout + done.stderr))


class Economy:
    """A synthetic warehouse: as generated, and with the rollups of its invoices built."""

    def __init__(self, assay, work, taxpayers):
        self.base, self.built = f"{work}/economy", f"{work}/economy-built"
        lines = ["--lines", str(taxpayers * 12 * LINES)]
        assay.run(self.base, ["generate", "--taxpayers", str(taxpayers), "--months", "12", "--seed", "1", *lines])
        self.asked = Asked(assay, self.base)
        linked(self.base, self.built)
        subprocess.run(self.asked.command(self.built, self.asked.months[:1]), check=True, capture_output=True)


def policies(assay, side, worker, measure, work, options):
    """Yields title, sides, targets and notes, as compare.show takes them."""
    from openfisca_check import check

    data = Economy(assay, work, options.taxpayers)
    asked, warehouse = data.asked, f"{work}/asked"

    def ours(source):
        return side("assay", asked.command(warehouse), lambda: linked(source, warehouse))

    def theirs(name, way):
        span = (str(asked.first), str(asked.last))
        return side(name, worker("openfisca", data.base, str(assay.threads), *span, way, f"{work}/fisca"))

    fresh, built, whole, monthly = measure([ours(data.base), ours(data.built), theirs("fisca", "whole"), theirs("by month", "monthly")], options.runs)
    notes = []
    for peer in (whole, monthly):
        steps = ", ".join(f"{step} {peer.median(step):.3f} s" for step in ("read", "compute", "write"))
        notes.append(f"{peer.name}: {steps}")
    notes.append(f"Assay, asking alone: {asked.computation(warehouse):.3f} s, with what fails and what is missing")
    notes += check(asked, data.base, f"{work}/check", assay.threads).lines()
    title = f"{options.taxpayers:,} taxpayers, 12 months"
    targets = ["time: at most 0.33 x", "peak: at most 0.33 x"]
    yield f"{title}; rollups to build", [fresh, whole, monthly], targets, []
    yield f"{title}; rollups built", [built, whole, monthly], targets, notes
