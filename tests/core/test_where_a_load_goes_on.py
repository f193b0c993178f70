"""Each row of the table of who wins, on a worker that has nothing on its disk."""

import dataclasses
import shutil

import dlt
import duckdb
import pytest
from dlt.common.time import precise_time
from dlt.load.load import Load

from airflow_dlt_provider.core.errors import TerminalLoadError, TransientLoadError
from airflow_dlt_provider.core.loading.destination import resolve_destination
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.records import StateRequest
from tests.core.events import gone, table_ids

pytestmark = pytest.mark.usefixtures("events_module")


def drop_dataset(load):
    with duckdb.connect() as connection:
        # under a name that the dataset does not have too
        connection.execute(f"ATTACH '{load.data_dir / 'shop.duckdb'}' AS file")
        connection.execute("DROP SCHEMA file.shop CASCADE")


@pytest.fixture
def rows_of_plain_dlt(load):
    """A table that a plain dlt pipeline has loaded into the dataset."""
    load.data_dir.mkdir()
    pipeline = dlt.pipeline(
        "before",
        pipelines_dir=str(load.folder / "before"),
        destination=resolve_destination(
            dlt.destinations.duckdb(str(load.data_dir / "shop.duckdb"))
        ),
        dataset_name="shop",
    )
    pipeline.run([{"id": 9, "parts": [{"of": 9}]}], table_name="events")
    pipeline.deactivate()


def test_a_first_load_starts_from_the_beginning(load_ids):
    assert load_ids(1, 2) == [1, 2]


@pytest.mark.usefixtures("rows_of_plain_dlt")
def test_a_first_load_does_not_append_to_rows_of_somebody_else(load, load_ids):
    with pytest.raises(TerminalLoadError) as caught:
        load_ids(1, 2)

    assert table_ids(load) == [9]
    assert "state adopt shop --from PIPELINE" in str(caught.value)
    assert "state reset shop events" in str(caught.value)


@pytest.mark.usefixtures("rows_of_plain_dlt")
def test_a_first_load_appends_beside_other_rows_when_a_person_says_so(load, load_ids):
    load.store.ask(StateRequest("shop", "events", "reset", asked_by="me"))

    assert load_ids(1) == [1, 9]


@pytest.mark.usefixtures("rows_of_plain_dlt")
def test_a_table_that_another_task_writes_too_may_hold_its_rows(load):
    request = load.request("my_shop:shop", "events", kwargs={"ids": [2]})

    load_task(dataclasses.replace(request, shared_tables=("events",)), load.store)

    assert table_ids(load) == [2, 9]


def test_a_task_of_another_grouping_goes_on_from_the_store(load_ids, messages):
    load_ids(1, 2)

    assert load_ids(1, 2, 3, task_key="all_of_it") == [1, 2, 3]
    assert "loaded by another task of this pipeline" in messages()
    assert load_ids(1, 2, 3, 4, task_key="all_of_it") == [1, 2, 3, 4]


def test_a_grouping_that_comes_back_goes_on_from_the_newest_cursor(load_ids):
    load_ids(1)
    load_ids(1, 2, task_key="all_of_it")

    assert load_ids(1, 2, 3) == [1, 2, 3]


def test_a_grouping_that_loaded_nothing_new_still_counts(load_ids):
    load_ids(1)
    load_ids(1, task_key="all_of_it")

    assert load_ids(1, 2, task_key="all_of_it") == [1, 2]


def test_a_dropped_dataset_is_loaded_from_the_beginning(load, load_ids, messages):
    load_ids(1, 2)
    drop_dataset(load)

    assert load_ids(1, 2, 3) == [1, 2, 3]
    assert "the destination counts" in messages()


def test_an_older_copy_of_the_database_is_gone_on_with(load, load_ids, messages):
    load_ids(1)
    shutil.copy(load.data_dir / "shop.duckdb", load.folder / "backup")
    load_ids(1, 2)
    shutil.copy(load.folder / "backup", load.data_dir / "shop.duckdb")

    assert load_ids(1, 2, 3) == [1, 2, 3]
    assert "the destination counts" in messages()
    assert load_ids(1, 2, 3, 4) == [1, 2, 3, 4]


def test_agreement_is_not_talked_about(load_ids, caplog, messages):
    load_ids(1)
    caplog.clear()

    assert load_ids(1, 2) == [1, 2]
    assert "Resource events:" not in messages()


def test_an_emptied_store_learns_from_the_destination(load, load_ids, messages):
    load_ids(1, 2)
    load.store = MemoryStateStore()

    assert load_ids(1, 2, 3) == [1, 2, 3]
    assert "the store learns from it" in messages()
    state = load.store.read_resources("shop", ["events"])["events"]
    assert state.states["events"]["incremental"]["id"]["last_value"] == 3


def test_a_store_that_missed_a_load_learns_from_the_destination(load, load_ids, messages):
    load_ids(1)
    (state,) = load.store.read_resources("shop", ["events"]).values()
    load_ids(1, 2)
    load.store.write_resources([state])

    assert load_ids(1, 2, 3) == [1, 2, 3]
    assert "ahead of the state store" in messages()


@pytest.mark.parametrize("is_emptied", [False, True], ids=["store kept", "store emptied"])
def test_a_clock_that_is_behind_does_not_turn_the_cursor_back(
    load, load_ids, monkeypatch, is_emptied
):
    load_ids(1)
    with monkeypatch.context() as patched:
        # dlt makes load ids of it
        patched.setattr(
            "dlt.common.storages.load_package.increasing_precise_time",
            lambda: precise_time() - 3600,
        )
        load_ids(1, 2)
    ids = [record.load_ids for record in load.store.list_loads("shop", "events")]
    assert ids[0] < ids[1], "the clock was not behind"
    if is_emptied:
        load.store = MemoryStateStore()

    assert load_ids(1, 2, 3) == [1, 2, 3]
    assert load_ids(1, 2, 3, 4) == [1, 2, 3, 4]


def test_a_destination_without_state_goes_on_from_the_store(load):
    received = []

    @dlt.destination(name="mailbox", batch_size=10)
    def mailbox(rows, table):
        if table["name"] == "events":
            received.extend(row["id"] for row in rows)

    for last in (1, 2, 3):
        ids = list(range(1, last + 1))
        load("my_shop:shop", "events", kwargs={"ids": ids}, destination=mailbox)

    assert received == [1, 2, 3]


def test_a_store_that_is_down_fails_the_load_before_anything_is_extracted(load, write_module):
    from airflow_dlt_provider.core.errors import StateStoreError, TransientLoadError

    class Down(MemoryStateStore):
        def read_resources(self, pipeline_name, resource_names):
            raise StateStoreError("postgresql://store", "connection refused")

    write_module(
        "extracting.py",
        "import dlt\nfrom pathlib import Path\n@dlt.resource\ndef rows(folder):\n"
        "    (Path(folder) / 'extracted').touch()\n    yield {'id': 1}",
    )
    request = load.request("extracting:rows", "rows", kwargs={"folder": str(load.folder)})

    with pytest.raises(TransientLoadError, match="postgresql://store"):
        load_task(request, Down())

    assert not (load.folder / "extracted").exists()


def test_a_load_into_another_dataset_does_not_judge_one_that_was_cut_off(
    load, load_ids, monkeypatch
):
    load_ids(1)

    with monkeypatch.context() as patched:
        patched.setattr(Load, "complete_package", gone)
        with pytest.raises(TransientLoadError):
            load_ids(1, 2)

    with pytest.raises(TerminalLoadError, match="into dataset 'shop' was cut off"):
        load("my_shop:shop", "events", kwargs={"ids": [1]}, dataset_name="other")

    assert load_ids(1, 2) == [1, 2]


def test_a_destination_without_state_is_not_sent_again_what_it_has(load, tmp_path, monkeypatch):
    received = []

    @dlt.destination(name="mailbox", batch_size=10)
    def mailbox(rows, table):
        if table["name"] == "events":
            received.extend(row["id"] for row in rows)

    def attempt(try_number):
        request = load.request(
            "my_shop:shop", "events", kwargs={"ids": [1, 2]}, destination=mailbox
        )
        run = dataclasses.replace(request.run, try_number=try_number, max_tries=3)
        folder = tmp_path / "of the task"
        load_task(dataclasses.replace(request, run=run, working_dir=folder), load.store)

    with monkeypatch.context() as patched:
        patched.setattr(Load, "complete_package", gone)
        with pytest.raises(TransientLoadError):
            attempt(1)
    attempt(2)

    assert received == [1, 2]
