"""Changes of source-level state: what a task changed, and the changes of several tasks in one."""

import datetime as dt
from decimal import Decimal

import pytest

from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.merge import apply_changes, changes_between, merge_changes
from airflow_dlt_provider.core.state.source_merge import TaskChanges, merge_source_changes


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"a": 1}),
        ({"a": 1}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}),
        ({"a": {"b": 1}}, {"a": 5}),
        ({"a": 5}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": {}}),
        ({"a": {}}, {}),
        ({"seen": [1, 2]}, {"seen": [1, 2, 3]}),
        ({"at": dt.date(2013, 1, 1)}, {"at": dt.date(2013, 1, 2), "sum": Decimal("1.10")}),
        ({"a": 1}, {"a": 1}),
        ({"a": None}, {"a": {"b": None}}),
    ],
)
def test_changes_turn_the_one_state_into_the_other(before, after):
    assert apply_changes(before, changes_between(before, after)) == after


def test_only_what_differs_is_a_change():
    assert changes_between({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}) == [[["a", "c"], 3]]


def test_tasks_that_write_into_one_mapping_do_not_contradict_each_other():
    changes = {
        "orders": changes_between({}, {"pages": {"orders": 3}}),
        "customers": changes_between({}, {"pages": {"customers": 5}}),
    }

    assert merge_changes({}, changes) == ({"pages": {"orders": 3, "customers": 5}}, [])


def test_tasks_that_agree_do_not_contradict_each_other():
    changes = {"orders": [[["day"], "Monday"]], "customers": [[["day"], "Monday"]]}

    assert merge_changes({}, changes) == ({"day": "Monday"}, [])


def test_of_two_values_the_later_counts_and_both_are_told():
    changes = {"orders": [[["day"], "Monday"]], "customers": [[["day"], "Tuesday"]]}

    assert merge_changes({}, changes) == (
        {"day": "Tuesday"},
        [{"path": ["day"], "values": {"orders": "Monday", "customers": "Tuesday"}}],
    )


def test_a_value_and_its_removal_contradict_each_other():
    changes = {"orders": [[["day"]]], "customers": [[["day"], "Tuesday"]]}

    merged, conflicts = merge_changes({"day": "Sunday"}, changes)

    assert merged == {"day": "Tuesday"}
    assert conflicts == [{"path": ["day"], "values": {"orders": None, "customers": "Tuesday"}}]


def test_a_value_above_another_contradicts_it():
    changes = {"orders": [[["pages"], 1]], "customers": [[["pages", "customers"], 5]]}

    _, conflicts = merge_changes({}, changes)

    assert [conflict["path"] for conflict in conflicts] == [["pages", "customers"]]


def test_a_task_is_merged_once_however_often_a_run_ends():
    store = MemoryStateStore()
    changes = {"shop__orders": TaskChanges("1", {"shop": [[["count"], 1]]})}

    merge_source_changes(store, "shop", changes)
    later = {"shop__orders": TaskChanges("2", {"shop": [[["count"], 2]]})}
    merge_source_changes(store, "shop", later)
    lines = merge_source_changes(store, "shop", later)

    assert lines == []
    assert store.read_source("shop", "shop").values == {"count": 2}


def test_a_conflict_is_one_line_that_names_path_and_tasks():
    changes = {
        "shop__orders": TaskChanges("1", {"shop": [[["day"], 1]]}),
        "shop__customers": TaskChanges("1", {"shop": [[["day"], 2]]}),
    }

    (line,) = merge_source_changes(MemoryStateStore(), "shop", changes)

    assert line == (
        "source-level state shop.day was set differently by tasks "
        "(shop__orders: 1, shop__customers: 2)"
    )
