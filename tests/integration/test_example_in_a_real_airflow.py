"""The example Dag in another Airflow that has only the wheel: a real scheduler runs it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sqlite3
import subprocess
from pathlib import Path

import duckdb
import pytest

from tests.integration.flights import packaged_rows

pytestmark = pytest.mark.integration

CHECKOUT = Path(__file__).resolve().parents[2]
TABLES = ("airlines", "airports", "planes", "flights", "weather")


class OtherAirflow:
    """Runs the example's own script with the Python of another environment."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.home = folder / "airflow"
        self.dags = folder / "dags"
        shutil.copytree(CHECKOUT / "dags", self.dags, ignore=shutil.ignore_patterns("__pycache__"))

    def run(self, *options: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
        command = [self.python, CHECKOUT / "scripts" / "run_demo.py", "--once"]
        command += ["--home", self.home, "--dags", self.dags, "--port", str(port or free_port())]
        environment = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
        # nothing of the checkout may be found
        environment.pop("PYTHONPATH", None)
        return subprocess.run(
            [*command, *options], env=environment, text=True, capture_output=True, check=False
        )

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.home / "data" / "nycflights.duckdb"), read_only=True) as db:
            db.execute("use nycflights.nycflights")
            return db.execute(sql).fetchall()

    def counts(self) -> dict[str, object]:
        return {
            table: self.query(f"select count(*) from nycflights.nycflights.{table}")[0][0]
            for table in TABLES
        }

    def task_instances(self) -> list[tuple[str, str, int, str, str]]:
        """Task, state, try, start and end of every task of the last run."""
        with sqlite3.connect(self.home / "airflow.db") as metadata:
            return metadata.execute(
                "select task_id, state, try_number, start_date, end_date from task_instance "
                "where run_id = (select run_id from dag_run order by id desc limit 1)"
            ).fetchall()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def airflow(airflow_python: Path, tmp_path_factory: pytest.TempPathFactory) -> OtherAirflow:
    return OtherAirflow(airflow_python, tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def first_half(airflow: OtherAirflow) -> dict[str, object]:
    """The tables after a run until July."""
    run = airflow.run("--until", "2013-07-01")
    assert run.returncode == 0, run.stdout + run.stderr
    return airflow.counts()


@pytest.fixture(scope="module")
def whole_year(airflow: OtherAirflow, first_half: dict[str, object]) -> str:
    """What a second run printed, which loads the rest of the year."""
    run = airflow.run()
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def rows_before(table: str, day: str) -> int:
    return sum(row["time_hour"] < day for row in packaged_rows(table))


def test_the_wheel_holds_no_checkout(airflow_python: Path) -> None:
    where = subprocess.run(
        [airflow_python, "-c", "import airflow_dlt_provider as p; print(p.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    ).stdout

    assert "site-packages" in where


def test_a_date_cuts_the_year(first_half: dict[str, object]) -> None:
    assert first_half["flights"] == rows_before("flights", "2013-07-01")
    assert first_half["weather"] == rows_before("weather", "2013-07-01")
    assert 0 < rows_before("flights", "2013-07-01") < 336_776


def test_the_next_run_brings_the_rest(airflow: OtherAirflow, whole_year: str) -> None:
    assert airflow.counts() == {
        "airlines": 16,
        "airports": 1458,
        "planes": 3322,
        "flights": 336_776,
        "weather": 26_115,
    }
    distinct = airflow.query(
        "select count(*) from (select distinct * exclude (_dlt_load_id) from flights)"
    )
    assert distinct == [(336_776,)]


def test_what_was_loaded_is_printed(whole_year: str) -> None:
    assert re.search(r"flights\s+success\s+[\d,]+", whole_year)
    assert "flights 336,776" in whole_year
    assert re.search(r"http://localhost:\d+\s+\(user admin, password \S+\)", whole_year)


def test_a_run_without_news_adds_no_flight(airflow: OtherAirflow, whole_year: str) -> None:
    before = airflow.counts()

    run = airflow.run()

    assert run.returncode == 0, run.stdout + run.stderr
    assert airflow.counts() == before


def test_five_tasks_share_one_file_at_the_same_time(airflow: OtherAirflow, whole_year: str) -> None:
    tasks = {row[0]: row[1:] for row in airflow.task_instances() if row[0] != "finish"}

    assert sorted(tasks) == sorted(TABLES)
    # none failed on its first try, not even on the file's lock
    assert {(state, try_number) for state, try_number, *_ in tasks.values()} == {("success", 1)}
    start, end = tasks["flights"][2:]
    assert any(
        other_start < end and start < other_end
        for table, (_, _, other_start, other_end) in tasks.items()
        if table != "flights"
    )


def test_na_is_null_and_columns_have_real_types(airflow: OtherAirflow, whole_year: str) -> None:
    types = dict(
        airflow.query(
            "select column_name, data_type from information_schema.columns "
            "where table_name = 'flights'"
        )
    )

    assert types["dep_delay"] == "BIGINT"
    assert types["carrier"] == "VARCHAR"
    assert types["time_hour"] == "TIMESTAMP WITH TIME ZONE"
    assert airflow.query("select count(*) from flights where tailnum = 'NA'") == [(0,)]
    assert airflow.query("select count(*) from flights where dep_time is null") == [(8255,)]


def test_a_port_in_use_is_said_before_anything_starts(airflow: OtherAirflow) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]

        run = airflow.run(port=port)

    assert run.returncode == 1
    assert f"port {port} is in use" in run.stderr
    assert "Starting" not in run.stdout


def test_nothing_that_was_started_is_left(airflow: OtherAirflow, whole_year: str) -> None:
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)

    assert str(airflow.python.parent / "airflow") not in running.stdout
