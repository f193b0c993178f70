"""How a run's window and interval are read out of Airflow's context."""

from types import SimpleNamespace

import pendulum
import pytest
from airflow.sdk import DAG, CronDataIntervalTimetable

from airflow_dlt_provider.core.errors import PlanError
from airflow_dlt_provider.run_params import build_params, read_purpose

NOTHING = {name: param.value for name, param in build_params("", (), full_refresh=False).items()}


def context(dag, run_type="scheduled", start=None, end=None, **params):
    interval = {"data_interval_start": start, "data_interval_end": end} if start else {}
    return {
        "dag": dag,
        "dag_run": SimpleNamespace(run_type=run_type, run_id="a_run"),
        "params": NOTHING | params,
        **interval,
    }


@pytest.mark.parametrize(
    ("schedule", "tick", "before"),
    [
        ("@daily", "2026-01-04T00:00:00", "2026-01-03T00:00:00"),
        ("*/5 * * * *", "2026-01-04T00:00:00", "2026-01-03T23:55:00"),
        ("@monthly", "2026-03-01T00:00:00", "2026-02-01T00:00:00"),
        ("@yearly", "2026-01-01T00:00:00", "2025-01-01T00:00:00"),
        # Mondays to Fridays: the run of Monday has the weekend
        ("0 6 * * 1-5", "2026-01-05T06:00:00", "2026-01-02T06:00:00"),
        (pendulum.duration(hours=6), "2026-01-04T00:00:00", "2026-01-03T18:00:00"),
    ],
)
def test_a_backfill_without_intervals_loads_from_the_tick_before(schedule, tick, before):
    dag = DAG("d", schedule=schedule, start_date=pendulum.datetime(2020, 1, 1))
    moment = pendulum.parse(tick)

    window = read_purpose(context(dag, "backfill", moment, moment), "").window

    assert (window.start, window.end) == (pendulum.parse(before), moment)


def test_a_day_begins_where_the_dag_is():
    dag = DAG("d", schedule="@daily", start_date=pendulum.datetime(2025, 1, 1, tz="Europe/Berlin"))
    tick = pendulum.datetime(2026, 3, 30, tz="Europe/Berlin").in_timezone("UTC")

    window = read_purpose(context(dag, "backfill", tick, tick), "").window

    # the day on which clocks are put forward has 23 hours
    assert window.end - window.start == pendulum.duration(hours=23)
    assert window.start.isoformat() == "2026-03-29T00:00:00+01:00"


def test_a_backfill_with_intervals_loads_its_own():
    dag = DAG("d", schedule=CronDataIntervalTimetable("@daily", "UTC"))
    start, end = pendulum.datetime(2026, 1, 3), pendulum.datetime(2026, 1, 4)

    purpose = read_purpose(context(dag, "backfill", start, end), "")

    assert (purpose.window.start, purpose.window.end) == (start, end)
    assert purpose.interval is None


def test_an_interval_of_an_ordinary_run_is_no_window():
    dag = DAG("d", schedule=CronDataIntervalTimetable("@daily", "UTC"))
    start, end = pendulum.datetime(2026, 1, 3), pendulum.datetime(2026, 1, 4)

    assert read_purpose(context(dag, "scheduled", start, end), "").interval.end == end
    assert read_purpose(context(dag, "scheduled", start, end), "").window is None
    assert read_purpose(context(dag, "scheduled", end, end), "").interval is None
    assert read_purpose(context(dag, "manual"), "").interval is None


def test_a_backfill_without_a_date_says_what_to_do():
    with pytest.raises(PlanError, match="params backfill_from and backfill_to"):
        read_purpose(context(DAG("d", schedule=None), "backfill"), "")


@pytest.mark.parametrize("text", ["2026-01-03T00:00:00Z", "2026-01-03T00:00:00", "2026-01-03"])
def test_params_name_a_window(text):
    dag = DAG("d", schedule=None)
    params = {"backfill_from": text, "backfill_to": "2026-01-05T00:00:00+01:00"}

    window = read_purpose(context(dag, "manual", **params), "").window

    assert window.start == pendulum.datetime(2026, 1, 3)
    assert window.end == pendulum.datetime(2026, 1, 4, 23)


def test_a_moment_of_the_trigger_form_is_on_the_clock_of_the_dag():
    dag = DAG("d", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Tokyo"))
    # what the form sends for midnight of the fifth in Tokyo
    params = {"backfill_from": "2026-01-04T15:00:00Z", "backfill_to": "2026-01-05T15:00:00Z"}

    window = read_purpose(context(dag, "manual", **params), "").window

    assert window.start.isoformat() == "2026-01-05T00:00:00+09:00"


@pytest.mark.parametrize("text", ["yesterday", "12", "2026-01-03/2026-01-04"])
def test_a_window_that_is_no_point_in_time_is_refused(text):
    params = {"backfill_from": text, "backfill_to": "2026-01-05"}

    with pytest.raises(PlanError, match="no point in time"):
        read_purpose(context(DAG("d", schedule=None), "manual", **params), "")


def test_the_params_of_a_group_are_its_own():
    purpose = read_purpose(
        context(DAG("d", schedule=None), load__full_refresh=True, resources=["orders"]), "load__"
    )

    assert purpose.refresh.mode == "replace"
    assert purpose.selected == ()
