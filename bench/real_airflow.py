"""A real Airflow that runs Dags one after another and tells how long Airflow says each took."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2

from bench.measure import say
from scripts.airflow_api import AirflowApi
from scripts.standalone import Standalone, free_port
from tests.services import with_driver

POLL_SECONDS = 1.0
PARSE_SECONDS = 300
RUN_SECONDS = 1800
WARM_UP = "warm_up"

EMPTY = """
from airflow.sdk import DAG, BaseOperator


class Empty(BaseOperator):
    def execute(self, context):
        return None


with DAG("{dag_id}", schedule=None) as dag:
    for number in range({tasks}):
        Empty(task_id=f"empty_{{number:02}}")
"""


@dataclass(frozen=True)
class DagFile:
    """A file with one Dag."""

    text: str
    runs: int = 1
    """How often it is run, one run after another."""


class RunError(Exception):
    """Raised when a Dag cannot be parsed or its run does not succeed."""


def create_database(url: str, name: str) -> str:
    """Make a database on a PostgreSQL server and return its URL."""
    _execute(url, f'CREATE DATABASE "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"


def drop_database(url: str, name: str) -> None:
    """Remove a database from a PostgreSQL server."""
    _execute(url, f'DROP DATABASE "{name}"')


def _execute(url: str, statement: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


class BenchAirflow:
    """An Airflow with its metadata in PostgreSQL, the LocalExecutor and settings as they come.

    It is started and stopped as often as wanted; what it knows stays.

    Args:
        folder: Its home, its Dags and all data lie in it.
        metadata_url: An empty database.
        slots: How many tasks run at once.
        environment: Added to the environment of all its processes.
    """

    def __init__(
        self, folder: Path, metadata_url: str, slots: int, environment: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.dags = folder / "dags"
        self._home = folder / "home"
        for path in (self.dags, self._home):
            path.mkdir(parents=True)
        self._environment = {
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": with_driver(metadata_url),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(slots),
            "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": str(max(slots, 16)),
            # every file is parsed once before the runs, and none during them: what parsing costs
            # is a case of its own, and no variant shall wait for the files of another
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "36000",
            "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": str(PARSE_SECONDS),
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": str(PARSE_SECONDS),
            "AIRFLOW__DLT__DATA_DIR": str(folder / "data"),
            "AIRFLOW__DLT__WORKING_DIR": str(folder / "work"),
            **environment,
        }

    def measure(self, dags: Mapping[str, DagFile]) -> dict[str, list[float] | str]:
        """Start Airflow, run each Dag in turn, stop Airflow.

        Args:
            dags: Dag id -> its file.

        Returns:
            Dag id -> seconds of its runs from start to end, as Airflow has noted them, or what
            went wrong.
        """
        for old in self.dags.glob("run_*.py"):
            old.unlink()
        files = {**dags, WARM_UP: DagFile(EMPTY.format(dag_id=WARM_UP, tasks=12))}
        for dag_id, file in files.items():
            (self.dags / f"run_{dag_id}.py").write_text(file.text)
        airflow = Standalone(self._home, self.dags, free_port(), self._environment)
        with airflow:
            api = RunApi(airflow.url, *airflow.login())
            problems = api.wait_until_parsed(files)
            # the first task after a start takes seconds longer
            api.seconds_of_run(WARM_UP)
            return {
                dag_id: problems.get(dag_id) or api.seconds_or_problem(dag_id, file.runs)
                for dag_id, file in dags.items()
            }


class RunApi(AirflowApi):
    """What a bench asks of Airflow's REST API."""

    def wait_until_parsed(self, files: Mapping[str, Any]) -> dict[str, str]:
        """Wait for Dags and return Dag id -> what is wrong with its file."""
        deadline = time.monotonic() + PARSE_SECONDS
        while time.monotonic() < deadline:
            errors = self.import_errors()
            problems = {
                dag_id: text.strip().splitlines()[-1]
                for dag_id in files
                for name, text in errors.items()
                if name.endswith(f"run_{dag_id}.py")
            }
            if set(files) <= self.dag_ids() | problems.keys():
                return problems
            time.sleep(POLL_SECONDS)
        missing = ", ".join(set(files) - self.dag_ids())
        raise RunError(f"not parsed within {PARSE_SECONDS} s: {missing}")

    def seconds_or_problem(self, dag_id: str, runs: int) -> list[float] | str:
        """Return the seconds of some runs, one after another, or what went wrong."""
        times: list[float] = []
        try:
            for _ in range(runs):
                times.append(self.seconds_of_run(dag_id))
                say(f"  {dag_id}: {times[-1]:.1f} s")
        except RunError as error:
            say(f"  {error}")
            return str(error)
        return times

    def seconds_of_run(self, dag_id: str) -> float:
        """Run a Dag and return the seconds from the start of the run to its end.

        Raises:
            RunError: The run failed, or did not end.
        """
        run_id = self.trigger(dag_id, {})
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}"
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            run = self._call("GET", path)
            if run["state"] in ("success", "failed"):
                break
        else:
            raise RunError(f"{dag_id} did not end within {RUN_SECONDS} s")
        if run["state"] == "failed":
            states = list(self.task_states(dag_id, run_id).values())
            failed = sum(state not in ("success", "skipped") for state in states)
            raise RunError(f"{failed} of {len(states)} tasks of {dag_id} did not succeed")
        start, end = (
            datetime.fromisoformat(run[key].replace("Z", "+00:00"))
            for key in ("start_date", "end_date")
        )
        return (end - start).total_seconds()
