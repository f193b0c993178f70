"""The small tables that several cases load, as a module beside Dag files and scripts."""

from __future__ import annotations

from pathlib import Path

MODULE = "many_tables"

SOURCE = '''
"""Tables of `ROWS` rows each, with a cursor: a second load finds nothing new."""

from datetime import datetime, timedelta, timezone

import dlt

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
PAGE = 1_000


def row(number):
    return {
        "id": number,
        "name": f"name of {number}",
        "email": f"user{number}@example.com",
        "amount": number * 1.25,
        "is_active": number % 3 == 0,
        "country": ("DE", "FR", "IT", "US")[number % 4],
        "created_at": START + timedelta(seconds=number),
        "comment": f"a comment of some length on the row with the number {number}",
    }


@dlt.source
def many(tables: int, rows: int):
    def declare(name):
        def extract(new=dlt.sources.incremental("id", initial_value=-1)):
            for first in range(new.start_value + 1, rows, PAGE):
                yield [row(number) for number in range(first, min(first + PAGE, rows))]

        return dlt.resource(extract, name=name, write_disposition="append", primary_key="id")

    return [declare(f"table_{number:02}") for number in range(tables)]
'''

SCRIPT = """
import dlt
from many_tables import many

pipeline = dlt.pipeline("{name}", destination="{destination}", dataset_name="{name}")
pipeline.run(many({tables}, {rows}))
"""

OURS = """
from airflow_dlt_provider import DltDag

dag = DltDag(
    "{name}",
    "many_tables:many",
    source_kwargs={{"tables": {tables}, "rows": {rows}}},
    destination="{destination}",
    dataset_name="{name}",
    schedule=None,
    {options}
)
"""

HELPER = """
import os

{settings}

import dlt
from airflow.sdk import DAG
from dlt.helpers.airflow_helper import PipelineTasksGroup

from many_tables import many

with DAG("{name}", schedule=None, max_active_runs=1, catchup=False) as dag:
    group = PipelineTasksGroup("group")
    pipeline = dlt.pipeline("{name}", destination="{destination}", dataset_name="{name}")
    group.add_run(pipeline, many({tables}, {rows}), decompose="{mode}", trigger_rule="all_done")
"""

NO_LOOK_UPS = 'os.environ["PROVIDERS__ENABLE_AIRFLOW_SECRETS"] = "false"'


def write_module(folder: Path) -> None:
    """Put the module into a folder of Dags or scripts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{MODULE}.py").write_text(SOURCE)


def credentials(postgres: str, duckdb_file: Path) -> dict[str, str]:
    """Return the environment that tells dlt where both destinations are."""
    return {
        "DESTINATION__POSTGRES__CREDENTIALS": postgres,
        "DESTINATION__DUCKDB__CREDENTIALS": str(duckdb_file),
    }
