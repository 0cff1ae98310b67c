"""The tables of a warehouse as DuckDB views, and the SQL files of features, months and rollups in DuckDB's dialect."""

import glob
import json
import os
import re

# DataFusion's words and DuckDB's. Each rewriting says why it is needed; anything else runs as it is written.
DIALECT = [
    # The aggregate is called last; DuckDB's last_value is a window function only.
    (re.compile(r"\blast_value\("), "last("),
    (re.compile(r"\* EXCEPT \("), "* EXCLUDE ("),
]
# A quotient of decimals is a decimal there and a double here: cents must not depend on a double.
QUOTIENTS = {
    # The definition is revenue times a mean of the industry, sum over sum.
    "cit_industry": [
        (f"o.revenue * {t}.{c} / {t}.revenue", f"part_of(o.revenue, {t}.{c}, {t}.revenue)") for t in "ab" for c in ("cost", "expense")
    ],
    "export_claims": [("input_tax * (amount + tax) / nullif(tax, 0)", "exact_div(input_tax * (amount + tax), tax)")],
    "line_rates": [("AS DECIMAL(4, 0)) / 100 AS lowest", "AS DECIMAL(4, 0)) * 0.01 AS lowest")],
    "tally": [("sales_base / 1000", "sales_base * 0.001"), ("declared_tax / 1000", "declared_tax * 0.001")],
}
DELTA_TYPES = {
    "string": "VARCHAR", "long": "BIGINT", "integer": "INTEGER", "short": "SMALLINT", "byte": "TINYINT", "float": "FLOAT", "double": "DOUBLE",
    "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP", "timestamp_ntz": "TIMESTAMP",
}


def dialect(name, text):
    # AT is a word of DuckDB's grammar (time travel); zero_vat.sql names a column so.
    if name == "zero_vat":
        text = re.sub(r"\bat\b", '"at"', text)
    for pattern, new in DIALECT:
        text = pattern.sub(new, text)
    for old, new in QUOTIENTS.get(name, ()):
        if old not in text:
            raise ValueError(f"{name}.sql no longer says `{old}`: correct QUOTIENTS")
        text = text.replace(old, new)
    return text


class Warehouse:
    """The tables of a warehouse at its last commit."""

    def __init__(self, path):
        self.path = path
        commit = max(glob.glob(f"{path}/commits/*.json"))
        with open(commit, encoding="utf-8") as file:
            self.versions = json.load(file)["tables"]

    def log(self, table):
        """Columns (name, Delta type), partition columns and live files of a table at its version."""
        files, schema, partitions = {}, [], []
        folder = f"{self.path}/tables/{table}"
        for version in range(self.versions[table] + 1):
            with open(f"{folder}/_delta_log/{version:020}.json", encoding="utf-8") as log:
                for action in map(json.loads, log):
                    if "metaData" in action:
                        schema = [(f["name"], f["type"]) for f in json.loads(action["metaData"]["schemaString"])["fields"]]
                        partitions = action["metaData"]["partitionColumns"]
                    if "add" in action:
                        files[action["add"]["path"]] = True
                    if "remove" in action:
                        files.pop(action["remove"]["path"], None)
        return schema, partitions, [f"{folder}/{f}" for f in files]

    def bytes(self, tables):
        return sum(os.path.getsize(f) for t in tables for f in self.log(t)[2])

    def view(self, table):
        """A view of a table's live files. Columns that older files lack are null, a table without files is empty."""
        schema, partitions, files = self.log(table)
        kinds = {name: delta_type(kind) for name, kind in schema}
        if not files:
            columns = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in kinds.items())
            return f'CREATE VIEW "{table}" AS SELECT {columns} WHERE false'
        hive = ", ".join(f"'{name}': '{kinds[name]}'" for name in partitions)
        hive = f", hive_partitioning = true, hive_types = {{{hive}}}" if hive else ""
        listed = ", ".join(f"'{file}'" for file in files)
        return f'CREATE VIEW "{table}" AS SELECT * FROM read_parquet([{listed}], union_by_name = true{hive})'

    def create_views(self, connection, codes, computed):
        """Views of all tables but those that are computed anew."""
        for table in self.versions:
            if "/" not in table and table not in computed:
                connection.execute(self.view(table))
        connection.execute("CREATE SCHEMA codes")
        for name, path in codes.items():
            options = "delim = '\t', header = true, all_varchar = true, quote = '', null_padding = true, auto_detect = false"
            with open(path, encoding="utf-8") as file:
                columns = file.readline().rstrip("\n").split("\t")
            named = ", ".join(f"'{column}': 'VARCHAR'" for column in columns)
            connection.execute(f"CREATE TABLE codes.{name} AS SELECT * FROM read_csv('{path}', {options}, columns = {{{named}}})")


def delta_type(kind):
    return DELTA_TYPES.get(kind, kind.upper())


class Sources:
    """Queries that give one row a taxpayer with the inputs of facts."""

    def __init__(self, connection, definitions):
        self.connection, self.definitions = connection, definitions

    def rows(self, source, at):
        """The query behind a monthly source or a feature file at a month."""
        if at is not None:
            return dialect(source, self.definitions.queries[source].replace("$as_of", str(at)))
        if source in self.definitions.monthly:
            return dialect(source, self.definitions.monthly[source])
        return f"SELECT * FROM {source}"

    def query(self, source, at, inputs):
        """A source with just the columns asked for."""
        if at is not None:
            columns = [f'"{column}" AS {name}' for (file, month, column), name in inputs.as_of.items() if (file, month) == (source, at)]
            return f"SELECT taxpayer_key, {', '.join(columns)} FROM ({self.rows(source, at)}) AS rows"
        windows = {w: name for w, name in inputs.windows.items() if w.source == source}
        first, last = min(w.first for w in windows), max(w.last for w in windows)
        columns = ", ".join(f"{window.sql()} AS {name}" for window, name in windows.items())
        months = f"period BETWEEN {first} AND {last}"
        return f"SELECT taxpayer_key, {columns} FROM ({self.rows(source, None)}) AS rows WHERE {months} GROUP BY taxpayer_key"

    def narrowed(self, query):
        """The query with its sums of whole numbers as BIGINT: DuckDB's HUGEINT beside a decimal would become a double."""
        kinds = self.connection.execute(f"DESCRIBE {query}").fetchall()
        wide = [name for name, kind, *_ in kinds if kind == "HUGEINT"]
        if not wide:
            return query
        return f"SELECT * REPLACE ({', '.join(f'CAST({name} AS BIGINT) AS {name}' for name in wide)}) FROM ({query}) AS narrowed"
