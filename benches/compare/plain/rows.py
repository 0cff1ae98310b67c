"""Compares every row and column of what facts are made of, hit or no hit: the rollups Assay stored, and the queries of features and
months as `assay sql` answers them, against DuckDB's own."""

import os
import subprocess
import tempfile

from .sources import dialect

RELATIVE = 1e-9


KEYS = ("taxpayer_key", "seller_key", "buyer_key", "period", "goods_code", "rate", "preference", "invoice_id", "claimed_period", "outcome", "since", "kind")


def keys(columns):
    return [c for c in KEYS if c in columns]


def differs(name, kind):
    """Whether a column of a row differs, as SQL: doubles by a hair more than rounding, all else at all."""
    if kind in ("DOUBLE", "FLOAT"):
        apart = f"abs(o.{name} - t.{name}) > {RELATIVE} * greatest(abs(o.{name}), abs(t.{name})) + 1e-12"
        return f"((o.{name} IS NULL) <> (t.{name} IS NULL) OR coalesce({apart}, false))"
    return f"o.{name} IS DISTINCT FROM t.{name}"


def compare_rows(connection, name, ours, theirs):
    """What differs between two queries, as texts: rows of one side only, rows twice, then each column with an example."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE ours AS {ours}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE theirs AS {theirs}")
    columns = {row[0]: row[1] for row in connection.execute("DESCRIBE ours").fetchall()}
    by = keys(columns)
    using = " AND ".join(f"o.{key} IS NOT DISTINCT FROM t.{key}" for key in by)
    one = lambda sql: connection.execute(sql).fetchone()
    found = []
    for side in ("ours", "theirs"):
        twice = one(f"SELECT count(*) FROM (SELECT 1 FROM {side} GROUP BY {', '.join(by)} HAVING count(*) > 1)")[0]
        if twice:
            found.append(f"{name}: {twice} keys twice in {side}")
    for side, other in (("ours", "theirs"), ("theirs", "ours")):
        alone = one(f"SELECT count(*) FROM {side} AS o WHERE NOT EXISTS (SELECT 1 FROM {other} AS t WHERE {using})")[0]
        if alone:
            found.append(f"{name}: {alone} rows of {side} only")
    wrong = {c: differs(f'"{c}"', kind) for c, kind in columns.items() if c not in by}
    counts = one(f"SELECT {', '.join(f'count(*) FILTER (WHERE {test})' for test in wrong.values())} FROM ours AS o JOIN theirs AS t ON {using}")
    for (column, test), count in zip(wrong.items(), counts):
        if count:
            key = ", ".join(f"o.{k}" for k in by)
            example = one(f'SELECT {key}, o."{column}", t."{column}" FROM ours AS o JOIN theirs AS t ON {using} WHERE {test} ORDER BY {key} LIMIT 1')
            found.append(f"{name}.{column}: {count} rows, e.g. {', '.join(map(str, example[:-2]))}: {example[-2]} / {example[-1]}")
    return found


def check_sources(scan, sources, assay):
    """Differences of rollups and of the sources given as (name, month or None), a list of texts; how many were compared."""
    found, compared = [], 0
    for rollup in scan.definitions.rollups:
        stored = scan.warehouse.view(rollup).split(" AS ", 1)[1]
        own = [row[0] for row in scan.connection.execute(f"DESCRIBE {rollup}").fetchall()]
        columns = ", ".join(f'"{column}"' for column in own)
        # Claims that match are not stored one by one.
        only = " WHERE outcome <> 'match'" if rollup == "claim_audit" else ""
        found += compare_rows(scan.connection, rollup, f"SELECT {columns} FROM ({stored})", f"SELECT {columns} FROM {rollup}{only}")
        compared += 1
    with tempfile.TemporaryDirectory() as folder:
        for source, at in sources:
            if source in scan.definitions.rollups:
                continue
            text = scan.definitions.monthly[source] if at is None else scan.definitions.queries[source].replace("$as_of", str(at))
            path = os.path.join(folder, "rows.parquet")
            done = subprocess.run([assay, "-w", scan.warehouse.path, "sql", text, "--format", "parquet", "-o", path], capture_output=True)
            if done.returncode:
                found.append(f"{source} at {at}: {done.stderr.decode(errors='replace').strip()}")
                continue
            found += compare_rows(scan.connection, f"{source} at {at}" if at else source, f"SELECT * FROM '{path}'", dialect(source, text))
            compared += 1
    return found, compared
