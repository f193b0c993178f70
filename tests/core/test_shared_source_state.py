"""Source-level state over the tasks of a run and over runs, on workers that keep nothing."""

import dataclasses

import pytest

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.source_merge import merge_source_changes

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
