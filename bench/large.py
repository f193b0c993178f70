"""One large table: rows per second of ours, and of a plain pipeline in two ways."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

from bench.forked import in_fresh_process
from bench.large_source import KINDS, place_of
from bench.many_tables import credentials
from bench.measure import Options, Samples, say
from bench.plain import TOTAL, Place, load_ours, load_plain
from bench.real_airflow import create_database, drop_database
from bench.report import Section, Table, Target

ROWS = 5_000_000
SLOW_ROWS = 500_000
"""Of the plain script with dlt's defaults where it loads dictionaries: that takes half an hour for
all rows into DuckDB, and its rows per second hardly depend on their number."""

SAME_SETTINGS: dict[str, dict[str, str]] = {"postgres": {}, "duckdb": {}}
"""Destination -> what a task of ours turns on by itself, as settings of dlt's."""

OURS = "ours"
SAME = "plain dlt script, the same settings"
DEFAULTS = "plain dlt script, dlt's defaults"

HOW = """
One table of {rows:,} rows and six columns, loaded into an empty dataset by a process of its own:
ours by the core's `load_task`, the ledger in SQLite; the plain one by `dlt.pipeline(...).run(...)`.
Rows per second of the whole load, without the imports. "Dictionaries" come in pages of 10,000,
"Arrow tables" of 100,000 rows. What ours turns on by itself: {settings}.
"""


def run(options: Options) -> Section:
    """Run the case."""
    rows = options.rows or ROWS
    tables, targets = [], []
    for kind in KINDS:
        for destination in options.destinations:
            table = _measure(options, kind, destination, rows)
            tables.append(table)
            targets += _targets(table, kind, destination)
    settings = "; ".join(
        f"{destination}: {', '.join(f'{k}={v}' for k, v in values.items()) or 'nothing'}"
        for destination, values in SAME_SETTINGS.items()
    )
    how = HOW.format(rows=rows, settings=settings)
    return Section("large", "One large table", how, tuple(tables), tuple(targets))


def _measure(options: Options, kind: str, destination: str, rows: int) -> Table:
    samples = Samples()
    works: dict[str, tuple[Callable[[Place], dict[str, float]], dict[str, str]]] = {
        OURS: (load_ours, {}),
        SAME: (load_plain, SAME_SETTINGS[destination]),
        DEFAULTS: (load_plain, {}),
    }
    for number in range(options.repeat):
        for variant, (work, settings) in works.items():
            if not options.wants(variant):
                continue
            # a folder and a database for each: the disk is not filled, and all begin alike
            folder = options.folder / "load"
            name = f"large_{destination}_{KINDS.index(kind)}_{number}_{list(works).index(variant)}"
            where = credentials(create_database(options.postgres, name), folder / "x.duckdb")
            is_slow = variant == DEFAULTS and kind == KINDS[0]
            of_variant = min(rows, SLOW_ROWS) if is_slow else rows
            place = place_of(folder, destination, "large", kind, of_variant, where)
            place = replace(place, environment={**where, **settings})
            taken = in_fresh_process(work, place)[TOTAL]
            shutil.rmtree(folder)
            drop_database(options.postgres, name)
            say(f"{destination}, {kind}, {variant}: {taken:.1f} s")
            samples.add(variant, of_variant / taken)
            samples.notes[variant] = "" if of_variant == rows else f"{of_variant:,} rows"
    return Table(f"{destination}, {kind}", "rows per second", samples.rows(), DEFAULTS)


def _targets(table: Table, kind: str, destination: str) -> list[Target]:
    targets = [
        Target(f"{table.title}: ours through {SAME}", table.ratio(OURS, SAME), at_least=0.9),
    ]
    if destination == "duckdb" and kind == KINDS[0]:
        ratio = table.ratio(OURS, DEFAULTS)
        targets.append(Target(f"{table.title}: ours through {DEFAULTS}", ratio, at_least=2))
    return targets
