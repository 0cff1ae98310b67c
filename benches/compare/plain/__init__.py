"""A whole scan in plain DuckDB SQL: independent of Assay's Rust, it shares only the definitions (TOML and SQL files).

definitions.py reads the definitions, functions.py has the domain's functions as macros, sources.py the tables, rollups and
feature queries, translate.py the language of indicators, judge.py lines, peers and tallies, run.py puts all together.
"""
