"""A person is told what becomes of the rows, by how the resource writes them."""

import pytest

from airflow_dlt_provider.core.control.planner import RequestPlanner
from airflow_dlt_provider.core.control.resources import KnownResources
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.requests import loads_since_refresh
from tests.state_store_suite import load as record
from tests.state_store_suite import state

CURSOR = {"orders": {"incremental": {"id": {"last_value": 3}}}}
KEYED = {"orders": {"parent": None, "columns": {"id": {"key": True}}}}
WITHOUT_KEY = {"orders": {"parent": None, "columns": {"id": {"key": False}}}}


def planner(disposition, tables=KEYED):
    store = MemoryStateStore()
    store.write_resources([state(states=CURSOR, tables=tables)])
    store.record_loads([record(3, status="finished")])
    known = KnownResources(store, "shop")
    return RequestPlanner(known, "ann", dispositions={"orders": disposition})


@pytest.mark.parametrize(
    ("disposition", "told_of_set", "told_of_reset", "told_of_rewind"),
    [
        ("append", "so that they are there twice", "they are there twice", "rows are removed"),
        ("merge", "with the same key, and none is there twice", "same key", "no rows are removed"),
        ("replace", "writes the table anew", "as by every load", "no rows are removed"),
        ("scd2", "their validity ends", "get a new version", "no rows are removed"),
        (None, "leaves out those in between", "a table that it appends to", "if it appends"),
    ],
)
def test_each_way_of_writing_has_its_own_words(
    disposition, told_of_set, told_of_reset, told_of_rewind
):
    planned = planner(disposition)
    (newest,) = planned.known.loads("orders")

    assert told_of_set in planned.plan_set("orders", "2", None, None).effects[-1]
    assert told_of_reset in planned.plan_reset("orders").effects[1]
    assert told_of_rewind in planned.plan_rewind("orders", newest.record_id).effects[1]


def test_rows_of_a_window_are_not_said_to_be_removed():
    planned = planner("append")
    window = ["2024-01-01T00:00:00+00:00", "2024-01-02T00:00:00+00:00"]
    planned.known.store.record_loads([record(4, kind="backfill", window=window)])
    newest, *_ = planned.known.loads("orders")

    effects = planned.plan_rewind("orders", newest.record_id).effects

    assert effects[1].startswith("no rows are removed")
    assert "rows of windows that were backfilled since then stay" in effects[2]


def test_what_is_merged_without_a_key_is_appended():
    effects = planner("merge", WITHOUT_KEY).plan_set("orders", "2", None, None).effects

    assert effects[-1].endswith("so that they are there twice")


def test_one_goes_back_before_no_load_that_a_refresh_replaced():
    newest, refresh = record(5), record(4, kind="refresh")
    stopped = record(4, kind="refresh", status="removed")

    assert loads_since_refresh([newest, refresh, record(3)]) == [newest]
    assert loads_since_refresh([newest, stopped, record(3)])[:2] == [newest, stopped]
