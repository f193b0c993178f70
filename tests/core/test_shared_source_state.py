"""Source-level state over the tasks of a run and over runs, on workers that keep nothing."""

import dataclasses
import itertools

import pytest

from airflow_dlt_provider.core.errors import TransientLoadError
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.spec import RunIdentity
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.source_merge import TaskChanges, merge_source_changes

COUNTING = """
import dlt

@dlt.source
def shop(runs):
    seen = dict(dlt.current.source_state())

    def rows(name):
        state = dlt.current.source_state()
        state.setdefault("runs", {})[name] = runs
        state["last"] = name
        now = str(sorted(state["runs"].items()))
        yield {"name": name, "seen_by_source": str(seen), "seen": now}

    return [
        dlt.resource(rows, name=name, write_disposition="append")(name)
        for name in ("orders", "customers")
    ]
"""


@pytest.fixture
def run(load, write_module):
    """Load both resources, each by a task of its own, and end the run; return its conflicts."""
    write_module("my_shop.py", COUNTING)

    def run(number, *, with_finish=True, resources=("orders", "customers")):
        changes = {}
        for name in resources:
            request = load.request("my_shop:shop", name, kwargs={"runs": number})
            run = dataclasses.replace(request.run, run_id=f"run_{number}", try_number=1)
            request = dataclasses.replace(request, run=run, source_names=("shop",))
            result = load_task(request, load.store)
            if result.changes:
                changes[result.pipeline_name] = result.changes
        return merge_source_changes(load.store, "shop", changes) if with_finish else []

    return run


def seen_by_resource(load, table):
    return {dict(row)["seen"] for row in load.tables()[table]}


def test_the_next_run_sees_what_all_tasks_set(run, load):
    run(1)
    run(2)

    assert "[('customers', 1), ('orders', 2)]" in seen_by_resource(load, "orders")
    assert load.store.read_source("shop", "shop").values["runs"] == {"orders": 2, "customers": 2}


def test_the_function_of_the_source_sees_it_too(run, load):
    run(1)
    run(2)

    seen = [dict(row)["seen_by_source"] for row in load.tables()["orders"]]
    assert any("'customers': 1" in text and "'orders': 1" in text for text in seen)


def test_what_two_tasks_set_differently_is_told(run):
    (line,) = run(1)

    assert "shop.last was set differently" in line


def test_a_run_that_did_not_end_loses_nothing(run, load):
    run(1)
    run(2, with_finish=False)
    run(3, resources=("orders",))

    assert load.store.read_source("shop", "shop").values["runs"] == {"orders": 3, "customers": 1}
    run(3, resources=("customers",))
    assert load.store.read_source("shop", "shop").values["runs"] == {"orders": 3, "customers": 3}


def test_what_a_run_that_did_not_end_changed_is_merged_with_the_next(run, load):
    run(1)
    run(2, with_finish=False)
    run(3)
    run(4)

    assert load.store.read_source("shop", "shop").values["runs"] == {"orders": 4, "customers": 4}


def test_an_emptied_store_is_filled_from_the_copies_of_the_tasks(run, load):
    run(1)
    run(2)
    load.store = MemoryStateStore()

    run(3)

    assert load.store.read_source("shop", "shop").values["runs"] == {"orders": 3, "customers": 3}
    run(4)
    assert "[('customers', 3), ('orders', 4)]" in seen_by_resource(load, "orders")


COUNTER = """
import dlt

@dlt.source
def shop(failing=(), silent=()):
    seen = dlt.current.source_state().get("count")

    def rows(name):
        if name in failing:
            raise ConnectionError("down")
        state = dlt.current.source_state()
        if name not in silent:
            state["count"] = state.get("count", 0) + 1
        yield {"count": state["count"], "seen_by_source": seen}

    return [
        dlt.resource(rows, name=name, write_disposition="append")(name)
        for name in ("orders", "customers")
    ]
"""


@pytest.fixture
def run_batch(load, write_module):
    """Load both resources by one task, and end the run; return the merged count."""
    write_module("my_shop.py", COUNTER)
    run_ids = itertools.count()

    def run_batch(*selected, with_finish=True, retries=False, **kwargs):
        names = ("orders", "customers")
        request = load.request("my_shop:shop", *names, kwargs=kwargs, task_key="batch")
        run_id = "retried" if retries or "failing" in kwargs else f"run_{next(run_ids)}"
        identity = RunIdentity("shop_dag", run_id, try_number=2 if retries else 1, max_tries=3)
        result = load_task(
            dataclasses.replace(request, run=identity, selected=selected, source_names=("shop",)),
            load.store,
        )
        if with_finish and result.changes:
            # as they come back from the XCom of the task
            changes = TaskChanges.from_dict(result.changes.to_dict())
            merge_source_changes(load.store, "shop", {result.pipeline_name: changes})
        state = load.store.read_source("shop", "shop")
        return state.values["count"] if state else None

    return run_batch


def test_a_resource_of_a_batch_that_is_loaded_alone_goes_on_from_what_another_changed(run_batch):
    counts = [run_batch("orders"), *(run_batch("customers") for _ in range(4)), run_batch("orders")]

    assert counts == [1, 2, 3, 4, 5, 6]


def test_what_the_tries_of_a_batch_changed_is_merged_once(run_batch, load):
    run_batch()
    with pytest.raises(TransientLoadError):
        run_batch(failing=("customers",))
    assert run_batch(retries=True) == 4

    run_batch()
    run_batch()

    assert [dict(row)["count"] for row in load.tables()["orders"]] == [1, 3, 5, 7]
    assert [dict(row)["count"] for row in load.tables()["customers"]] == [2, 4, 6, 8]


def test_of_runs_of_a_batch_that_did_not_end_the_last_one_counts(run_batch, load):
    run_batch()
    run_batch("customers", with_finish=False)
    run_batch("orders", with_finish=False)

    assert run_batch("orders") == 5
    assert [dict(row)["seen_by_source"] for row in load.tables()["orders"]] == [None, 3, 4]


def test_a_resource_that_changes_nothing_brings_no_older_change_back(run_batch):
    run_batch("customers")
    run_batch("orders")
    run_batch("customers", silent=("customers",))

    assert run_batch("orders") == 3
