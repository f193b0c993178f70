"""Fifty small tables in a real Airflow: one task each, dlt's own helper, a script, empty tasks."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.many_tables import (
    HELPER,
    NO_LOOK_UPS,
    OURS,
    SCRIPT,
    credentials,
    write_module,
)
from bench.measure import Options, Samples, rotated, say, seconds
from bench.real_airflow import EMPTY, BenchAirflow, DagFile, create_database
from bench.report import Section, Table, Target

TABLES = 50
ROWS = 2_000
SLOTS = 4
MODES = ("none", "serialize", "parallel", "parallel-isolated")

EACH = "ours: one task each"
ALL = "ours: one task for all"
TASKS = "empty Airflow tasks"
A_SCRIPT = "plain dlt script"
ISOLATED = "PipelineTasksGroup parallel-isolated"

HOW = """
{tables} tables of {rows:,} rows, from a generator with a cursor. Airflow with api-server, scheduler
(LocalExecutor, {slots} slots), Dag processor and triggerer, its metadata in PostgreSQL; all
settings as they come, but every Dag file is parsed once before the runs, and none meanwhile.
Seconds of a run from its start to its end as Airflow notes them, the first into an empty dataset,
the second without new rows. The helper runs in an Airflow of its own, in which the provider does
not import dlt ahead; both are started anew for each round, a Dag of empty tasks runs first, and
each round begins with another Dag. All tasks load into one database; a DuckDB file lets in one
process at a time. The script's time is that of its process, start and imports included. "no
look-ups" is `PROVIDERS__ENABLE_AIRFLOW_SECRETS=false`.
"""


@dataclass(frozen=True)
class Variant:
    """One way to load the tables."""

    name: str
    template: str
    is_ours: bool = False
    is_slow: bool = False
    mode: str = ""
    settings: str = ""
    options: str = ""
    destinations: tuple[str, ...] = ("postgres", "duckdb")

    def text(self, name: str, destination: str, options: Options) -> str:
        """Return the file of the Dag, or of the script, that loads into the dataset *name*."""
        return self.template.format(
            name=name,
            dag_id=name,
            destination=destination,
            tables=options.tables or TABLES,
            tasks=options.tables or TABLES,
            rows=ROWS,
            mode=self.mode,
            settings=self.settings,
            options=self.options,
        )


def variants() -> tuple[Variant, ...]:
    """Return all ways; the order is that of a round."""
    ours = (
        Variant(TASKS, EMPTY, is_ours=True),
        Variant(EACH, OURS, is_ours=True),
        Variant(ALL, OURS, is_ours=True, options='decompose="none",'),
    )
    helper = []
    for mode in MODES:
        name = f"PipelineTasksGroup {mode}"
        # stock, each task asks for hundreds of Variables
        is_slow = mode != "none"
        helper += [
            Variant(f"{name}, no look-ups", HELPER, mode=mode, settings=NO_LOOK_UPS),
            Variant(name, HELPER, is_slow=is_slow, mode=mode),
        ]
    return (*ours, Variant(A_SCRIPT, SCRIPT), *helper)


@dataclass(frozen=True)
class Found:
    """First and second runs into one destination."""

    first: Samples
    second: Samples

    def add(self, variant: str, result: list[float] | str) -> None:
        """Keep what the two runs of a variant took, or why they failed."""
        if isinstance(result, str):
            self.first.fail(variant, result)
            self.second.fail(variant, result)
            return
        for samples, value in zip((self.first, self.second), result, strict=False):
            samples.add(variant, value)


def run(options: Options) -> Section:
    """Run the case."""
    where = credentials(
        create_database(options.postgres, "warehouse"), options.folder / "warehouse.duckdb"
    )
    airflows = {
        is_ours: BenchAirflow(
            options.folder / name,
            create_database(options.postgres, name),
            SLOTS,
            {**where, "AIRFLOW__DLT__PRELOAD": str(is_ours)},
        )
        for is_ours, name in ((True, "provider"), (False, "helper"))
    }
    for folder in (*(airflow.dags for airflow in airflows.values()), options.folder / "scripts"):
        write_module(folder)
    found = {name: Found(Samples(), Samples()) for name in options.destinations}
    for round_number in range(options.repeat):
        say(f"round {round_number + 1} of {options.repeat}")
        for destination in options.destinations if options.wants(A_SCRIPT) else ():
            _run_script(found[destination], options, where, destination, round_number)
        for is_ours, airflow in airflows.items():
            _run_dags(found, options, airflow, is_ours, round_number)
    tables = tuple(
        Table(f"{destination}, {which} run", "s", samples.rows(), TASKS)
        for destination, both in found.items()
        for which, samples in (("first", both.first), ("second", both.second))
    )
    how = HOW.format(tables=options.tables or TABLES, rows=ROWS, slots=SLOTS)
    return Section("small", "Fifty small tables", how, tables, _targets(tables))


def _run_script(
    found: Found, options: Options, where: dict[str, str], destination: str, round_number: int
) -> None:
    name = f"script_{destination}_{round_number}"
    path = options.folder / "scripts" / f"{name}.py"
    script = next(item for item in variants() if item.name == A_SCRIPT)
    path.write_text(script.text(name, destination, options))
    found.add(A_SCRIPT, [run_script(path, where), run_script(path, where)])


def run_script(path: Path, environment: dict[str, str]) -> float:
    """Run a script of dlt's in a process and folders of its own; return its seconds."""
    own = {
        "DLT_DATA_DIR": str(path.with_suffix("")),
        # without Airflow beside it, dlt would ask nobody
        "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
        **environment,
    }
    command = [sys.executable, str(path)]
    taken = seconds(lambda: subprocess.run(command, env={**os.environ, **own}, check=True))
    say(f"  {path.stem}: {taken:.1f} s")
    return taken


def _run_dags(
    found: dict[str, Found],
    options: Options,
    airflow: BenchAirflow,
    is_ours: bool,
    round_number: int,
) -> None:
    dags: dict[str, tuple[str, Variant, DagFile]] = {}
    for number, variant in enumerate(variants()):
        is_left_out = variant.is_slow and options.is_quick and round_number
        if variant.is_ours != is_ours or variant.name == A_SCRIPT or is_left_out:
            continue
        for destination in options.destinations:
            # what fails once fails again
            if options.wants(variant.name) and not found[destination].first.has_failed(
                variant.name
            ):
                name = f"v{number:02}_{destination}_{round_number}"
                text = variant.text(name, destination, options)
                runs = 1 if variant.is_slow and options.is_quick else 2
                dags[name] = (destination, variant, DagFile(text, runs))
    if dags:
        files = {name: file for name, (_, _, file) in dags.items()}
        results = airflow.measure(rotated(files, round_number))
        for name, (destination, variant, _) in dags.items():
            found[destination].add(variant.name, results[name])


def _targets(tables: tuple[Table, ...]) -> tuple[Target, ...]:
    targets = []
    for table in tables:
        if table.title.endswith("first run"):
            targets += [
                Target(
                    f"{table.title}: {ISOLATED}, stock, through ours",
                    table.ratio(ISOLATED, EACH),
                    at_least=7,
                ),
                Target(
                    f"{table.title}: ours through empty tasks",
                    table.ratio(EACH, TASKS),
                    at_most=1.6,
                ),
            ]
    return tuple(targets)
