"""What one try of a task leaves to the next, and to the process that it ran in."""

import logging

import dlt
import pytest

from airflow_dlt_provider.core.errors import StateStoreError
from airflow_dlt_provider.core.loading.destination import resolve_destination
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.state.memory import MemoryStateStore

ITEMS = """
import dlt, stat
from pathlib import Path

@dlt.source
def items():
    return dlt.resource([{"id": 1}, {"id": 2}], name="items", write_disposition="append")

@dlt.resource
def modes(folder):
    for path in (Path(folder), *Path(folder).iterdir()):
        yield {"mode": oct(stat.S_IMODE(path.stat().st_mode))}
"""


@pytest.fixture(autouse=True)
def items(write_module):
    write_module("my_items.py", ITEMS)


def test_what_a_killed_try_did_not_load_is_not_loaded_beside_the_rows_of_the_next(load):
    # a first run, because dlt itself clears a folder that the destination knows nothing of
    load("my_items:items", "items")
    request = load.request("my_items:items", "items")
    killed = dlt.pipeline(
        "shop__items",
        pipelines_dir=str(request.working_dir),
        destination=resolve_destination(
            dlt.destinations.duckdb(str(load.data_dir / "shop.duckdb"))
        ),
        dataset_name="shop",
    )
    resource = dlt.resource([{"id": 1}, {"id": 2}], name="items", write_disposition="append")
    killed.sync_destination()
    killed.extract(dlt.source(lambda: resource, name="items")().clone(with_name="items__items"))
    killed.normalize()
    killed.deactivate()
    assert killed.has_pending_data

    result = load_task(request, load.store)

    assert load.tables()["items"] == [[("id", 1)], [("id", 1)], [("id", 2)], [("id", 2)]]
    assert len(result.load_ids) == 1


def test_nobody_else_may_look_into_the_working_folder(load):
    load("my_items:modes", kwargs={"folder": str(load.folder / "work")})

    assert load.tables()["modes"] == [[("mode", "0o700")]] * 2


class FullDisk(MemoryStateStore):
    """A store that keeps nothing after a load has begun."""

    def record_loads(self, records):
        raise StateStoreError("memory", "no space left on device")


@pytest.fixture
def warnings():
    """Messages of the warnings that a load logs."""
    messages = []

    class Handler(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())

    handler = Handler(logging.WARNING)
    ours = logging.getLogger("airflow_dlt_provider")
    ours.addHandler(handler)
    yield messages
    ours.removeHandler(handler)


def test_a_ledger_that_cannot_be_written_does_not_fail_the_load(load, warnings):
    result = load_task(load.request("my_items:items", "items"), FullDisk())

    assert result.rows == 2
    assert load.tables()["items"] == [[("id", 1)], [("id", 2)]]
    (warning,) = warnings
    assert warning.startswith("The load is done, but the state store memory cannot be used: no sp")


def test_the_pipeline_that_was_active_before_is_active_again(load, tmp_path):
    of_the_user = dlt.pipeline("of_the_user", pipelines_dir=str(tmp_path / "pipelines"))
    try:
        load("my_items:items", "items")

        assert dlt.current.pipeline() is of_the_user
    finally:
        of_the_user.deactivate()


def test_a_destination_that_keeps_no_state_is_warned_of(load, warnings):
    received = []

    @dlt.destination(name="mailbox")
    def mailbox(rows, table):
        received.extend(rows)

    load("my_items:items", "items", destination=mailbox)

    assert len(received) == 2
    (warning,) = warnings
    assert "mailbox keeps no state" in warning


def test_a_destination_that_keeps_state_is_not_warned_of(load, warnings):
    load("my_items:items", "items")

    assert warnings == []
