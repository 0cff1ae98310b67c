#!/usr/bin/env python3
"""Holds the answers of Assay and of OpenFisca-Core on three policies against each other: every taxpayer, policy, part and period, to the fen.

Prints what differs and exits 1 when anything does. What Assay cannot tell for want of a fact is counted apart: OpenFisca has no third value.
"""

import argparse
import os
import subprocess
import sys
import tempfile

from openfisca_part import LINES, ONLY, Asked, linked

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHOWN = 10  # differences of each kind that are printed

BOTH = """CREATE TABLE pair AS
SELECT coalesce(a.period, f.period) AS period, coalesce(a.policy, f.policy) AS policy, coalesce(a.part, f.part) AS part,
    coalesce(a.taxpayer_key, f.taxpayer_key) AS taxpayer_key, a.answer AS assay, f.answer AS fisca,
    a.claimed AS a_claimed, f.claimed AS f_claimed, a.benefit AS a_benefit, f.benefit AS f_benefit, a.amount AS a_amount, f.amount AS f_amount, a.missing, coalesce(f.assumed, false) AS assumed
FROM (SELECT * REPLACE (coalesce(part, '') AS part) FROM policy_finding WHERE list_contains($only, policy) AND period = as_of) AS a
FULL JOIN (SELECT * REPLACE (coalesce(part, '') AS part) FROM read_parquet($files)) AS f
ON a.period = f.period AND a.policy = f.policy AND a.part = f.part AND a.taxpayer_key = f.taxpayer_key"""
# Assay keeps no row of who is simply not due, only how many there are.
COUNTS = """SELECT period, policy, part, coalesce(a.n, 0), coalesce(f.n, 0)
FROM (SELECT period, policy, coalesce(part, '') AS part, sum(taxpayers) AS n FROM policy_count
    WHERE list_contains($only, policy) AND period = as_of AND answer = 'not_due' GROUP BY ALL) AS a
FULL JOIN (SELECT period, policy, part, count(*) AS n FROM pair WHERE assay IS NULL AND fisca = 'not_due' GROUP BY ALL) AS f USING (period, policy, part)
WHERE coalesce(a.n, 0) <> coalesce(f.n, 0) ORDER BY ALL"""
# Who gave a relief up is told so though a fact is missing without which it is not known whether it was due.
APART = "(assay = 'cannot_tell' OR (assay = 'waived' AND assumed AND fisca <> 'waived'))"
TOLD = f"{APART} IS NOT TRUE AND NOT (assay IS NULL AND fisca = 'not_due')"
KINDS = {
    "found by Assay only": f"{TOLD} AND fisca IS NULL",
    "found by OpenFisca only": f"{TOLD} AND assay IS NULL",
    "another answer": f"{TOLD} AND assay <> fisca",
    "another amount": f"""{TOLD} AND assay = fisca AND (a_claimed IS DISTINCT FROM f_claimed OR a_benefit IS DISTINCT FROM f_benefit
        OR a_amount IS DISTINCT FROM f_amount)""",
}


class Compared:
    """What holding both against each other came to."""

    def __init__(self, connection):
        def ask(sql, **values):
            return connection.execute(sql, values).fetchall() if values else connection.execute(sql).fetchall()

        self.equal = ask(f"SELECT count(*) FROM pair WHERE {TOLD} AND assay IS NOT NULL AND fisca IS NOT NULL")[0][0]
        self.not_due = ask("SELECT count(*) FROM pair WHERE assay IS NULL AND fisca = 'not_due'")[0][0]
        self.unknown = ask(f"""SELECT policy, part, assay, missing, coalesce(fisca, 'not_concerned'), count(*) FROM pair
            WHERE {APART} GROUP BY ALL ORDER BY ALL""")
        self.counts = ask(COUNTS, only=list(ONLY))
        self.found = {}
        for kind, where in KINDS.items():
            number = ask(f"SELECT count(*) FROM pair WHERE {where}")[0][0]
            self.found[kind] = number, ask(f"SELECT * FROM pair WHERE {where} ORDER BY period, policy, part, taxpayer_key LIMIT {SHOWN}")
        self.equal -= sum(self.found[kind][0] for kind in ("another answer", "another amount"))
        self.answers = ask(f"SELECT policy, part, fisca, count(*) FROM pair WHERE {TOLD} AND assay = fisca GROUP BY ALL ORDER BY ALL")

    @property
    def differences(self):
        return sum(number for number, _ in self.found.values()) + len(self.counts)

    def lines(self):
        """The result in words."""
        told = [f"{self.equal:,} findings equal in answer and amounts to the fen, {self.not_due:,} not due on both sides, {self.differences:,} differences"]
        told.append(f"apart, a fact is missing: {sum(row[-1] for row in self.unknown):,}")
        for policy, part, ours, missing, theirs, number in self.unknown:
            told.append(f"  {policy} {part}: Assay {ours} {missing and f'without {missing}'}, OpenFisca {theirs}, {number:,}")
        for kind, (number, rows) in self.found.items():
            if number:
                told += [f"{kind}: {number:,}", *(f"  {row}" for row in rows)]
        told += [f"not due, {period} {policy} {part}: Assay {ours:,}, OpenFisca {theirs:,}" for period, policy, part, ours, theirs in self.counts]
        return told


def check(asked, source, work, threads, exact=True):
    """Answers of both over a copy of a warehouse. OpenFisca in a process of its own: its inputs would stay in this one's memory."""
    import duckdb

    from plain.sources import Warehouse

    warehouse, out = f"{work}/warehouse", f"{work}/fisca"
    os.makedirs(work, exist_ok=True)
    linked(source, warehouse)
    subprocess.run(asked.command(warehouse), check=True, capture_output=True)
    call = f"from fisca.run import run; run({warehouse!r}, {threads}, {asked.first}, {asked.last}, 'monthly', {out!r}, True, {exact})"
    subprocess.run([sys.executable, "-c", call], check=True, cwd=HERE)
    connection = duckdb.connect(config={"threads": threads})
    stored = Warehouse(warehouse)
    for table in ("policy_finding", "policy_count"):
        connection.execute(stored.view(table))
    connection.execute(BOTH, {"only": list(ONLY), "files": f"{out}/*.parquet"})
    return Compared(connection)


def main():
    from compare import Assay

    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assay", default=os.path.join(target, "release", "assay"), help="binary [default: %(default)s]")
    parser.add_argument("--warehouse", help="a warehouse with filings; it is copied, not changed")
    parser.add_argument("--generate", type=int, default=2_000, help="taxpayers of a warehouse of its own, where none is given [default: %(default)s]")
    parser.add_argument("--seed", type=int, default=1, help="seed of that [default: 1]")
    parser.add_argument("--threads", type=int, default=2, help="threads [default: 2]")
    parser.add_argument("--own-floats", action="store_true", help="OpenFisca in its own floats of 32 bits: shows what these lose")
    options = parser.parse_args()
    assay = Assay(os.path.abspath(options.assay), options.threads)
    with tempfile.TemporaryDirectory(prefix="assay-fisca-") as work:
        source = options.warehouse
        if not source:
            source, lines = f"{work}/economy", options.generate * 12 * LINES
            assay.run(source, ["generate", "--taxpayers", str(options.generate), "--months", "12", "--seed", str(options.seed), "--lines", str(lines)])
        asked = Asked(assay, source)
        compared = check(asked, os.path.abspath(source), f"{work}/check", options.threads, not options.own_floats)
    for row in compared.answers:
        print("{:<5} {:<16} {:<17} {:>10,}".format(*row))
    print("\n".join(compared.lines()))
    sys.exit(1 if compared.differences else 0)


if __name__ == "__main__":
    main()
