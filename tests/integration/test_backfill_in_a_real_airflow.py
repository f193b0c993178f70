"""Ten days of flights by Airflow's own backfill, on a Dag with an ordinary daily schedule."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.integration.airflow_process import AirflowProcess, Api, wait_for
from tests.integration.flights import packaged_rows
from tests.services import with_driver

pytestmark = [pytest.mark.integration, pytest.mark.ui]

CHECKOUT = Path(__file__).resolve().parents[2]

DAG_FILE = """
import pendulum
from airflow.sdk import Param

from airflow_dlt_provider import DltDag

dag = DltDag(
    "nycflights",
    "nycflights_source:nycflights",
    schedule="@daily",
    # in the past: no run starts by itself
    start_date=pendulum.datetime(2013, 1, 1),
    end_date=pendulum.datetime(2013, 12, 31),
    resources=["airlines", "flights", "weather"],
    source_kwargs={"until": "{{ params.until }}"},
    params={"until": Param(None, type=["null", "string"])},
)
"""

FIRST_RUN, LAST_RUN = "2013-01-02", "2013-01-11"
"""Runs load the day before their own."""

TEN_DAYS = [f"2013-01-{day:02}" for day in range(1, 11)]


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Iterator[AirflowProcess]:
    # a command of Airflow's beside its scheduler: SQLite would be locked
    settings = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": with_driver(postgres_url)}
    process = AirflowProcess(tmp_path_factory.mktemp("backfill"), settings)
    shutil.copy(CHECKOUT / "dags" / "nycflights_source.py", process.dags)
    (process.dags / "nycflights.py").write_text(DAG_FILE)
    with process:
        yield process


@pytest.fixture(scope="module")
def flights(airflow: AirflowProcess) -> Flights:
    api = airflow.connect()
    api.wait_for_dag("nycflights")
    return Flights(airflow, api)


class Flights:
    """The Dag, and what it has loaded."""

    def __init__(self, airflow: AirflowProcess, api: Api) -> None:
        self.airflow = airflow
        self.api = api

    def run(self, **conf: str) -> str:
        """Let an ordinary run succeed."""
        run_id = self.api.trigger("nycflights", conf)
        state = wait_for(f"the end of {run_id}", lambda: self._ended([run_id]))
        assert state == {run_id: "success"}
        return run_id

    def wait_for_backfill(self) -> list[str]:
        """Wait for the end of all runs of backfills, and return their ids."""
        runs = wait_for("ten runs", lambda: _if(len(self.api.backfill_runs("nycflights")) == 10))
        assert runs
        ended = wait_for(
            "the end of the backfill",
            lambda: self._ended([*self.api.backfill_runs("nycflights")]),
            lambda: str(self.api.backfill_runs("nycflights")),
        )
        assert set(ended.values()) == {"success"}
        return sorted(ended)

    def per_day(self, table: str = "flights") -> dict[str, int]:
        """Return day (UTC) -> rows in the table."""
        day = "strftime(time_hour at time zone 'UTC', '%Y-%m-%d')"
        sql = f"select {day} as day, count(*) from {table} group by 1 order by 1"
        return dict(self.query(sql))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        path = self.airflow.data / "nycflights.duckdb"
        with duckdb.connect(str(path), read_only=True) as database:
            database.execute("use nycflights.nycflights")
            return database.execute(sql).fetchall()

    def cursor(self) -> Any:
        """Return the cursor that the next ordinary load starts from."""
        state = self.api.asset_state("nycflights/nycflights/flights")["flights.state"]["state"]
        return state["states"]

    def _ended(self, run_ids: list[str]) -> dict[str, str] | None:
        states = {run_id: self.api.run_state("nycflights", run_id) for run_id in run_ids}
        return states if set(states.values()) <= {"success", "failed"} else None


def _if(condition: bool) -> bool | None:
    return condition or None


@pytest.fixture(scope="module")
def real() -> dict[str, dict[str, int]]:
    """Table -> day (UTC) -> rows, in the package's own files."""
    return {
        table: dict(Counter(row["time_hour"][:10] for row in packaged_rows(table)))
        for table in ("flights", "weather")
    }


def some(days: dict[str, int], wanted: list[str]) -> dict[str, int]:
    return {day: days[day] for day in wanted}


@pytest.fixture(scope="module")
def five_days(flights: Flights) -> Any:
    """The cursor after an ordinary run of five days."""
    flights.run(until="2013-01-06")
    return flights.cursor()


@pytest.fixture(scope="module")
def backfilled(flights: Flights, five_days: Any) -> list[str]:
    """The runs of a backfill of ten days, five of which had been loaded."""
    command = ["backfill", "create", "--dag-id", "nycflights", "--max-active-runs", "4"]
    subprocess.run(
        [
            Path(sys.executable).with_name("airflow"),
            *command,
            *("--from-date", FIRST_RUN, "--to-date", LAST_RUN),
        ],
        env=flights.airflow.environment,
        check=True,
    )
    return flights.wait_for_backfill()


def test_a_backfill_loads_exactly_its_days(flights, backfilled, real):
    assert flights.per_day() == some(real["flights"], TEN_DAYS)
    assert flights.per_day("weather") == some(real["weather"], TEN_DAYS)


def test_the_live_cursor_has_not_moved(flights, five_days, backfilled):
    def incremental(states: str) -> Any:
        return str(states).partition('"incremental":')[2].partition("}")[0]

    assert incremental(flights.cursor()) == incremental(five_days) != ""


def test_what_has_no_cursor_says_why_it_is_skipped(flights, backfilled):
    run_id = backfilled[0]

    states = flights.api.task_states("nycflights", run_id)
    log = flights.api.task_log("nycflights", run_id, "airlines", 1)

    assert states == {
        "airlines": "skipped",
        "flights": "success",
        "weather": "success",
        "finish": "success",
    }
    assert "airlines: each of its loads brings the whole table" in log


def test_the_events_of_a_backfill_have_its_window(flights, backfilled):
    extra = flights.api.asset_events("nycflights", backfilled[0])["nycflights/nycflights/flights"]

    assert extra["kind"] == "backfill"
    assert extra["window"] == ["2013-01-01T00:00:00+00:00", "2013-01-02T00:00:00+00:00"]
    assert extra["rows"] == flights.per_day()["2013-01-01"]


def test_a_second_backfill_brings_no_duplicate(flights, backfilled, real):
    before = dict(flights.query("select distinct _dlt_load_id, 1 from flights"))

    wait_for("the first backfill's end", lambda: not flights.api.has_backfill("nycflights"))
    flights.api.create_backfill(
        "nycflights", FIRST_RUN, LAST_RUN, reprocess_behavior="completed", max_active_runs=4
    )
    wait_for("a run that is repeated", lambda: _if(_has_unended(flights)))
    flights.wait_for_backfill()

    assert flights.per_day() == some(real["flights"], TEN_DAYS)
    assert flights.per_day("weather") == some(real["weather"], TEN_DAYS)
    after = dict(flights.query("select distinct _dlt_load_id, 1 from flights"))
    assert before.keys().isdisjoint(after), "each day was loaded anew"


def test_an_ordinary_run_that_comes_to_backfilled_days_adds_no_duplicate(flights, backfilled, real):
    flights.run(until="2013-01-09")
    assert flights.per_day() == some(real["flights"], TEN_DAYS)

    flights.run(until="2013-01-12")
    assert flights.per_day() == some(real["flights"], [*TEN_DAYS, "2013-01-11"])


def test_params_load_a_window_as_well(flights, backfilled, real):
    run_id = flights.run(
        backfill_from="2013-02-01T00:00:00Z",
        backfill_to="2013-02-02T00:00:00Z",
    )

    assert flights.per_day()["2013-02-01"] == real["flights"]["2013-02-01"]
    states = flights.api.task_states("nycflights", run_id)
    assert states["airlines"] == "skipped"


def _has_unended(flights: Flights) -> bool:
    states = flights.api.backfill_runs("nycflights").values()
    return not set(states) <= {"success", "failed"}
