"""How much memory a load needs, as its table grows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from bench.forked import in_fresh_process, peak_bytes
from bench.large_source import KINDS, place_of
from bench.many_tables import credentials
from bench.measure import Options, Samples, say
from bench.plain import Place, load_ours, load_plain
from bench.real_airflow import create_database
from bench.report import Section, Table, Target

ROWS = 5_000_000
PART = 5
"""The smaller size is this part of the larger one."""
BYTES_PER_MB = 1_000_000
AT_MOST = 1.2

OURS, PLAIN = "ours", "plain dlt script"

HOW = """
The highest resident memory of a process that loads one table of {small:,} and of {large:,} rows
into an empty dataset, as the kernel counts it (`getrusage`): imports, extract, normalize and load.
Rows come in pages of 10,000 dictionaries or Arrow tables of 100,000 rows. DuckDB is part of the
process and takes memory as it finds it, whoever loads.
"""


def run(options: Options) -> Section:
    """Run the case."""
    large = options.rows or ROWS
    small = large // PART
    tables, targets = [], []
    for kind in KINDS:
        for destination in options.destinations:
            samples = Samples()
            for number in range(options.repeat):
                for rows in (small, large):
                    for variant, work in ((OURS, load_ours), (PLAIN, load_plain)):
                        place = _place(options, kind, destination, rows, f"{variant[0]}{number}")
                        peak = in_fresh_process(peak_of, work, place) / BYTES_PER_MB
                        shutil.rmtree(place.folder)
                        say(f"{destination}, {kind}, {rows:,} rows, {variant}: {peak:.0f} MB")
                        samples.add(_name(variant, rows), peak)
            table = Table(f"{destination}, {kind}", "MB", samples.rows(), _name(OURS, small))
            tables.append(table)
            growth = table.ratio(_name(OURS, large), _name(OURS, small))
            targets.append(
                Target(f"{table.title}: {large:,} through {small:,} rows", growth, at_most=AT_MOST)
            )
    how = HOW.format(small=small, large=large)
    return Section("memory", "Memory of a task", how, tuple(tables), tuple(targets))


def _name(variant: str, rows: int) -> str:
    return f"{variant}, {rows:,} rows"


def _place(options: Options, kind: str, destination: str, rows: int, name: str) -> Place:
    folder: Path = options.folder / "load"
    database = f"memory_{KINDS.index(kind)}_{rows}_{name}"
    url = create_database(options.postgres, database) if destination == "postgres" else ""
    where = credentials(url, folder / "x.duckdb")
    return place_of(folder, destination, "memory", kind, rows, where)


def peak_of(work: Callable[[Place], dict[str, float]], place: Place) -> int:
    """Load in this process and return the most memory that it took."""
    work(place)
    return peak_bytes()
