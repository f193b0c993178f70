"""State that belongs to a source rather than to one of its resources."""

import json

import dlt
import duckdb
import pytest
from dlt.common.versioned_state import decompress_state

from airflow_dlt_provider.core.names import task_key

# the function shows every resource what it saw, and each resource counts its runs
COUNTING = """
import dlt, json

def counted(name, seen):
    @dlt.resource(name=name, table_name=f"{{name}}_rows", write_disposition="append")
    def rows():
        state = dlt.current.source_state()
        state[name] = state.get(name, 0) + 1
        state.setdefault("history", {{}}).setdefault(name, []).append(state[name])
        yield {{"seen": json.dumps([seen.get(name), seen.get("history", {{}}).get(name)])}}
    return rows

@dlt.source(name={source_name!r})
def counting():
    seen = json.loads(json.dumps(dict(dlt.current.source_state())))
    return [counted(name, seen) for name in {resources!r}]
"""

STATELESS = """
import dlt

@dlt.source
def stateless():
    @dlt.resource(write_disposition="append")
    def rows(new=dlt.sources.incremental("id")):
        yield [{"id": 1}]
    return rows

@dlt.source
def settled():
    started = dlt.current.source_state().get("started")
    @dlt.resource(write_disposition="append")
    def rows(new=dlt.sources.incremental("id")):
        dlt.current.source_state()["started"] = started or "now"
        yield [{"id": 1}]
    return rows
"""


@pytest.fixture
def stored_states(load):
    """Every stored state of a pipeline's task, the oldest first."""

    def read(pipeline_name):
        with duckdb.connect(str(load.data_dir / "shop.duckdb"), read_only=True) as connection:
            rows = connection.execute(
                "SELECT state FROM shop.shop._dlt_pipeline_state"
                " WHERE pipeline_name = ? ORDER BY version",
                [pipeline_name],
            ).fetchall()
        return [decompress_state(state) for (state,) in rows]

    return read


@pytest.fixture
def seen_by_plain_dlt(write_module, base_dir, tmp_path, monkeypatch):
    """Run the whole source three times without this package; return what its function saw."""

    def run(name):
        monkeypatch.syspath_prepend(base_dir)
        from plain_counting import counting

        file = tmp_path / "plain.duckdb"
        for _ in range(3):
            pipeline = dlt.pipeline(
                "plain",
                pipelines_dir=str(tmp_path / "plain"),
                destination=dlt.destinations.duckdb(str(file)),
                dataset_name="raw",
            )
            pipeline.run(counting())
        pipeline.deactivate()
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(f'SELECT seen FROM raw."{name}_rows" ORDER BY ALL').fetchall()

    return run


@pytest.mark.parametrize("resource", ["orders", "customers"])
def test_the_function_of_a_source_sees_the_state_that_plain_dlt_shows(
    load, write_module, seen_by_plain_dlt, resource
):
    text = COUNTING.format(source_name="shop", resources=["orders", "customers"])
    write_module("counting.py", text)
    write_module("plain_counting.py", text)

    for _ in range(3):
        load("counting:counting", resource)

    ours = sorted(dict(row)["seen"] for row in load.tables()[f"{resource}_rows"])
    assert [(seen,) for seen in ours] == seen_by_plain_dlt(resource)
    assert json.loads(ours[1]) == [2, [1, 2]]


def test_the_function_sees_its_state_where_a_resource_name_has_to_be_changed(load, write_module):
    write_module("counting.py", COUNTING.format(source_name="shop", resources=["my.orders"]))

    for _ in range(2):
        load("counting:counting", "my.orders", task_key=task_key("my.orders"))

    (rows,) = load.tables().values()
    assert sorted(dict(row)["seen"] for row in rows) == ["[1, [1]]", "[null, null]"]


def test_no_state_is_stored_under_the_original_name_of_the_source(
    load, write_module, stored_states
):
    write_module("counting.py", COUNTING.format(source_name="shop", resources=["orders"]))

    for _ in range(3):
        load("counting:counting", "orders")

    states = stored_states("shop__orders")
    assert len(states) == 3
    assert [set(state["sources"]) for state in states] == [{"shop__orders"}] * 3
    assert states[-1]["sources"]["shop__orders"]["orders"] == 3


@pytest.mark.parametrize("source", ["stateless", "settled"])
def test_a_run_without_news_stores_no_new_state(load, write_module, stored_states, source):
    write_module("my_source.py", STATELESS)
    for _ in range(2):
        load(f"my_source:{source}", "rows")
    before = stored_states("shop__rows")

    load(f"my_source:{source}", "rows")

    assert stored_states("shop__rows") == before
    assert len(load.tables()["rows"]) == 1


def test_without_source_level_state_the_state_is_not_touched_before_extraction(
    load, write_module, stored_states
):
    write_module("my_source.py", STATELESS)

    load("my_source:stateless", "rows")
    load("my_source:stateless", "rows")

    assert [state["_state_version"] for state in stored_states("shop__rows")] == [1]
