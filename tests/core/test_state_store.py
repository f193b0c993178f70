"""One suite for every state store: a new store is one more parameter."""

import dataclasses
import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.sql import SqlStateStore
from airflow_dlt_provider.core.state.store import LoadRecord

WRITERS = 8
RECORDS_EACH = 10


def record(number: int = 0, resource_name: str = "orders", pipeline_name: str = "shop"):
    return LoadRecord(
        pipeline_name=pipeline_name,
        resource_name=resource_name,
        dag_id="shop_dag",
        run_id=f"run_{number}",
        try_number=1,
        load_ids=(f"{number}.5", f"{number}.6"),
        rows_by_table={"orders": number, "orders__lines": 2},
        cursor_before={},
        cursor_after={"updated_at": "2013-01-01T00:00:00Z", "ids": [1, 2]},
        seconds_by_step={"load": 0.5},
        # not in the order of recording: clocks of two workers differ
        recorded_at=1000.0 - number,
    )


def at_once(work):
    """Let all writers do `work(number)` at one moment; the exception of any of them is raised."""
    start = threading.Barrier(WRITERS)

    def run(number):
        start.wait()
        work(number)

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(run, range(WRITERS)))


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/state/store.db"


@pytest.fixture(params=["memory", "sql"])
def store(request, sqlite_url):
    store = MemoryStateStore() if request.param == "memory" else SqlStateStore(sqlite_url)
    yield store
    store.close()


def test_a_record_comes_back_as_it_was(store):
    store.record_load(record(3))

    assert store.list_loads("shop", "orders") == [record(3)]
    assert store.last_load("shop", "orders") == record(3)


def test_what_was_recorded_last_comes_first(store):
    for number in range(5):
        store.record_load(record(number))

    assert [item.run_id for item in store.list_loads("shop", "orders")] == [
        "run_4",
        "run_3",
        "run_2",
        "run_1",
        "run_0",
    ]
    assert store.last_load("shop", "orders").run_id == "run_4"


def test_a_list_has_an_end(store):
    for number in range(25):
        store.record_load(record(number))

    assert [item.run_id for item in store.list_loads("shop", "orders", limit=2)] == [
        "run_24",
        "run_23",
    ]
    assert len(store.list_loads("shop", "orders")) == 20


def test_an_unknown_resource_has_no_loads(store):
    store.record_load(record())

    assert store.list_loads("shop", "customers") == []
    assert store.list_loads("other", "orders") == []
    assert store.last_load("shop", "customers") is None


def test_resources_and_pipelines_are_kept_apart(store):
    for pipeline_name in ("shop", "other"):
        for resource_name in ("orders", "customers"):
            store.record_load(record(1, resource_name, pipeline_name))

    assert store.list_loads("other", "orders") == [record(1, "orders", "other")]


def test_recording_the_same_twice_keeps_both(store):
    store.record_load(record(1))
    store.record_load(record(1))

    assert store.list_loads("shop", "orders") == [record(1), record(1)]


def test_a_record_of_a_try_without_rows_or_cursor_is_kept(store):
    empty = dataclasses.replace(
        record(), load_ids=(), rows_by_table={}, cursor_after={}, seconds_by_step={}
    )

    store.record_load(empty)

    assert store.last_load("shop", "orders") == empty


def test_threads_may_record_at_once(store):
    def write(number):
        for i in range(RECORDS_EACH):
            store.record_load(record(number * RECORDS_EACH + i))

    at_once(write)

    kept = {item.run_id for item in store.list_loads("shop", "orders", limit=1000)}
    assert kept == {f"run_{number}" for number in range(WRITERS * RECORDS_EACH)}


def test_another_instance_finds_what_the_first_recorded(sqlite_url):
    first = SqlStateStore(sqlite_url)
    first.record_load(record(1))
    first.close()

    second = SqlStateStore(sqlite_url)

    assert second.list_loads("shop", "orders") == [record(1)]
    second.close()


def test_a_record_is_durable_before_its_store_is_closed(sqlite_url):
    writer, reader = SqlStateStore(sqlite_url), SqlStateStore(sqlite_url)

    writer.record_load(record(1))

    assert reader.list_loads("shop", "orders") == [record(1)]
    writer.close()
    reader.close()


def test_a_reader_does_not_hold_up_a_writer(sqlite_url, tmp_path):
    store = SqlStateStore(sqlite_url)
    store.record_load(record(1))
    with closing(sqlite3.connect(tmp_path / "state" / "store.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM dlt_resource_load").fetchall()

        store.record_load(record(2))

    assert store.last_load("shop", "orders") == record(2)
    store.close()


def test_instances_may_record_at_once_into_a_file_that_none_has_made_yet(sqlite_url):
    def write(number):
        store = SqlStateStore(sqlite_url)
        for i in range(RECORDS_EACH):
            store.record_load(record(number * RECORDS_EACH + i))
        store.close()

    at_once(write)

    store = SqlStateStore(sqlite_url)
    assert len(store.list_loads("shop", "orders", limit=1000)) == WRITERS * RECORDS_EACH
    store.close()


def test_instances_may_open_a_fresh_file_at_once(tmp_path):
    # SQLite refuses some of these at once, whatever its timeout: about one file in twenty shows it
    for number in range(100):
        url = f"sqlite:///{tmp_path}/{number}.db"

        at_once(lambda _, url=url: SqlStateStore(url).close())


def test_processes_may_record_at_once_into_a_file_that_none_has_made_yet(sqlite_url, start_python):
    code = """
import sys, json
from airflow_dlt_provider.core.state.sql import SqlStateStore
from airflow_dlt_provider.core.state.store import LoadRecord
document = json.loads(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
store = SqlStateStore(sys.argv[1])
for _ in range(10):
    store.record_load(LoadRecord.from_dict(document))
"""
    document = json.dumps(record().to_dict())
    writers = [start_python("-c", code, sqlite_url, document) for _ in range(WRITERS)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    outputs = [writer.communicate(timeout=120) for writer in writers]

    assert [writer.returncode for writer in writers] == [0] * WRITERS, outputs
    store = SqlStateStore(sqlite_url)
    assert len(store.list_loads("shop", "orders", limit=1000)) == WRITERS * RECORDS_EACH
    store.close()


def test_a_sql_store_works_in_postgresql(postgres_url):
    # SQLAlchemy 2.1 takes another driver than dlt does, unless it is told
    store = SqlStateStore(postgres_url.replace("postgresql:", "postgresql+psycopg2:"))
    for number in range(3):
        store.record_load(record(number))

    assert store.list_loads("shop", "orders", limit=2) == [record(2), record(1)]
    store.close()
