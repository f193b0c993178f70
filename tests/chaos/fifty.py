"""Fifty resources, eight loads at a time, three runs with new rows between them.

On DuckDB eight processes share one file. On PostgreSQL eight workers share nothing but the two
databases: destination and state store; each load has folders of its own, gone when it ends.
Run by `make chaos`, or on its own: `python -m tests.chaos.fifty`.
"""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import os
import sys
import tempfile
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import dlt
import duckdb
import psycopg2

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.spec import DestinationSpec, LoadRequest, RunIdentity, SourceSpec
from airflow_dlt_provider.core.state.sql import SqlStateStore
from tests.services import running_postgres

RESOURCES = [f"table_{number:02}" for number in range(50)]
AT_ONCE = 8
RUNS = 3
ROWS_PER_RUN = 40

SOURCE = f"""
import dlt

@dlt.source
def many(run):
    def rows(number):
        for id in range(run * {ROWS_PER_RUN} + number):
            yield {{"id": id, "at": id * 10, "parts": [{{"of": id}}]}}

    def declare(number):
        def extract(new=dlt.sources.incremental("at")):
            yield list(rows(number))
        disposition = ("append", "merge")[number % 2]
        name = f"table_{{number:02}}"
        return dlt.resource(extract, name=name, write_disposition=disposition, primary_key="id")

    return [declare(number) for number in range(50)]
"""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where all loads of one trial go."""

    folder: Path
    state_url: str
    postgres_url: str | None = None
    """The destination; `None` for the default DuckDB file."""
    dataset: str = "fifty"


def expected_ids(number: int, run: int) -> list[int]:
    return list(range(run * ROWS_PER_RUN + number))


def load_one(place: Place, number: int, run: int) -> str | None:
    """Load one resource as a worker does; return what went wrong."""
    logging.disable(logging.CRITICAL)
    name = RESOURCES[number]
    with tempfile.TemporaryDirectory(dir=place.folder) as own:
        request = LoadRequest(
            source=SourceSpec("many:many", place.folder, {"run": run}),
            resources=(name,),
            pipeline_name="fifty",
            task_key=name,
            run=RunIdentity("fifty", f"run_{run}"),
            destination=DestinationSpec(
                dlt.destinations.postgres(place.postgres_url) if place.postgres_url else None,
                dataset_name=place.dataset,
            ),
            data_dir=place.folder,
            working_dir=Path(own) / "work",
            source_names=("many",),
        )
        try:
            with closing(SqlStateStore(place.state_url)) as store:
                load_task(request, store)
        except Exception as error:
            return f"{name}, run {run}: {error}"
    return None


def check(place: Place, run: int, query: Callable[[str], list[tuple[Any, ...]]]) -> list[str]:
    """Return what is wrong with tables, nested tables and cursors after *run*."""
    problems = []
    with closing(SqlStateStore(place.state_url)) as store:
        states = store.read_resources("fifty", RESOURCES)
    for number, name in enumerate(RESOURCES):
        wanted = expected_ids(number, run)
        ids = [row[0] for row in query(f"SELECT id FROM {place.dataset}.{name} ORDER BY id")]
        parts = [
            row[0] for row in query(f"SELECT of FROM {place.dataset}.{name}__parts ORDER BY of")
        ]
        cursor = states[name].states[name]["incremental"]["at"]["last_value"]
        if ids != wanted or parts != wanted:
            problems.append(f"{name}: {len(ids)} rows, {len(parts)} nested, not {len(wanted)}")
        if cursor != wanted[-1] * 10:
            problems.append(f"{name}: cursor {cursor}, not {wanted[-1] * 10}")
    return problems


def run_trial(title: str, place: Place, query: Callable[[str], list[tuple[Any, ...]]]) -> bool:
    """Run the three runs, print a line for each, and tell whether all was right."""
    (place.folder / "many.py").write_text(SOURCE)
    is_right = True
    for run in range(1, RUNS + 1):
        loads = [(place, number, run) for number in range(len(RESOURCES))]
        # every load in a process of its own, as in Airflow
        with multiprocessing.get_context("fork").Pool(AT_ONCE, maxtasksperchild=1) as workers:
            problems = [item for item in workers.starmap(load_one, loads, chunksize=1) if item]
        problems += check(place, run, query)
        rows = sum(len(expected_ids(number, run)) for number in range(len(RESOURCES)))
        result = "right" if not problems else "WRONG"
        say(f"{title}, run {run}: 50 tables, {rows} rows, 50 cursors: {result}")
        for problem in problems:
            say(f"    {problem}")
        is_right = is_right and not problems
    return is_right


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def duckdb_trial(folder: Path) -> bool:
    place = Place(folder, f"sqlite:///{folder / 'state.db'}")

    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(folder / "fifty.duckdb"), read_only=True) as connection:
            return connection.sql(sql.replace("FROM fifty.", "FROM fifty.fifty.")).fetchall()

    return run_trial("DuckDB, one file", place, query)


def postgres_trial(folder: Path, url: str) -> bool:
    place = Place(folder, url, url, dataset=f"fifty_{uuid.uuid4().hex[:8]}")

    def query(sql: str) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    return run_trial("PostgreSQL, no shared disk", place, query)


def main() -> int:
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        is_right = duckdb_trial(Path(one))
        with running_postgres() as url:
            is_right = postgres_trial(Path(other), url) and is_right
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
