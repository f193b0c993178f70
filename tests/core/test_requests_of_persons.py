"""What a person or a run asks of a cursor: carried out once, and to its end."""

import dataclasses

import pytest
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import TerminalLoadError, TransientLoadError
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.records import StateRequest
from tests.core.events import gone, table_ids

pytestmark = pytest.mark.usefixtures("events_module")


def test_a_reset_is_carried_out_once(load, load_ids, messages):
    load_ids(1, 2)
    load.store.ask(StateRequest("shop", "events", "reset", asked_by="me@here"))

    assert load_ids(1, 2) == [1, 1, 2, 2]
    assert load_ids(1, 2, 3) == [1, 1, 2, 2, 3]
    assert "reset, asked by me@here" in messages()


def test_a_set_cursor_leaves_out_what_is_before_it(load, load_ids):
    load_ids(1)
    load.store.ask(StateRequest("shop", "events", "set", asked_by="me", value=5))

    assert load_ids(1, 2, 6) == [1, 6]
    assert load_ids(1, 2, 6, 7) == [1, 6, 7]


def test_a_rewind_takes_back_the_rows_of_that_load_and_of_later_ones(load, load_ids):
    for last in (1, 2, 3):
        load_ids(*range(1, last + 1))
    second = load.store.list_loads("shop", "events")[1]
    load.store.ask(
        StateRequest("shop", "events", "rewind", asked_by="me", record_id=second.record_id)
    )

    # the source has corrected 2 to 20 and 3 to 30
    assert load_ids(1, 20, 30) == [1, 20, 30]
    statuses = [record.status for record in load.store.list_loads("shop", "events")]
    assert statuses == ["finished", "removed", "removed", "finished"]


def test_a_replay_leaves_no_duplicate_and_no_hole(load, load_ids):
    for number in (1, 2, 3):
        request = load.request("my_shop:shop", "events", kwargs={"ids": list(range(1, number + 1))})
        run = dataclasses.replace(request.run, run_id=f"run_{number}", try_number=1)
        load_task(dataclasses.replace(request, run=run), load.store)

    request = load.request("my_shop:shop", "events", kwargs={"ids": [1, 2, 3, 4]})
    run = dataclasses.replace(request.run, run_id="again", try_number=1)
    replay = dataclasses.replace(request, run=run, replay_run_id="run_2")
    load_task(replay, load.store)

    assert table_ids(load) == [1, 2, 3, 4]
    before = [record.cursor_before for record in load.store.list_loads("shop", "events")]
    assert before[0] == {"id": 1}


def test_a_cleared_run_does_not_replay_again(load, load_ids):
    load_ids(1)
    load_ids(1, 2)
    request = load.request("my_shop:shop", "events", kwargs={"ids": [1, 2, 3]})
    run = dataclasses.replace(request.run, run_id="again", try_number=1, max_tries=0)
    replay = dataclasses.replace(request, run=run, replay_run_id="run_1")
    load_task(replay, load.store)
    assert load.store.last_load("shop", "events").cursor_before == {}

    cleared = dataclasses.replace(run, try_number=2, max_tries=1)
    load_task(dataclasses.replace(replay, run=cleared), load.store)

    assert load.store.last_load("shop", "events").cursor_before == {"id": 3}
    assert table_ids(load) == [1, 2, 3]


def test_a_replay_of_a_run_that_is_not_known_names_those_that_are(load, load_ids):
    load_ids(1)
    request = load.request("my_shop:shop", "events", kwargs={"ids": [1]})

    with pytest.raises(TerminalLoadError) as caught:
        load_task(dataclasses.replace(request, replay_run_id="run_9"), load.store)

    assert "'run_9' to replay; there are: run_1" in str(caught.value)


@pytest.fixture
def load_run(load):
    """Load events up to a number in a run of its own, perhaps one that replays another."""

    def load_run(run_id, last, replay_run_id=None):
        request = load.request("my_shop:shop", "events", kwargs={"ids": list(range(1, last + 1))})
        run = dataclasses.replace(request.run, run_id=run_id, try_number=1)
        load_task(dataclasses.replace(request, run=run, replay_run_id=replay_run_id), load.store)
        return table_ids(load)

    return load_run


def test_a_replay_does_not_bring_back_an_older_request(load, load_run):
    load_run("one", 2)
    load.store.ask(StateRequest("shop", "events", "set", asked_by="me", value=1))
    load_run("two", 2)
    load_run("three", 3)
    load_run("four", 4, replay_run_id="three")

    before = table_ids(load)

    assert load_run("five", 5) == [*before, 5]


def test_a_request_is_not_carried_out_again_when_the_state_of_its_resource_is_lost(load, load_run):
    load_run("one", 2)
    load.store.ask(StateRequest("shop", "events", "reset", asked_by="me"))
    before = load_run("two", 2)
    request = load.store.read_requests("shop", ["events"])["events"]
    load.store = MemoryStateStore()
    load.store.ask(request)

    assert load_run("three", 3) == [*before, 3]


@pytest.mark.parametrize("is_retried", [True, False], ids=["replayed again", "next run"])
def test_a_replay_that_was_cut_off_is_done_to_its_end(load, load_run, monkeypatch, is_retried):
    for number, run_id in enumerate(("one", "two", "three"), start=1):
        load_run(run_id, number)

    with monkeypatch.context() as patched:
        patched.setattr(Pipeline, "load", gone)
        with pytest.raises(TransientLoadError):
            load_run("four", 4, replay_run_id="two")
    assert table_ids(load) == [1]

    if is_retried:
        assert load_run("five", 4, replay_run_id="two") == [1, 2, 3, 4]
    else:
        assert load_run("five", 5) == [1, 2, 3, 4, 5]
    assert load_run("six", 6) == [1, 2, 3, 4, 5, 6]


def test_a_rewind_whose_target_has_left_the_ledger_is_done_to_its_end(load, load_run, monkeypatch):
    load.store = MemoryStateStore(kept_loads=2)
    for number, run_id in enumerate(("one", "two", "three"), start=1):
        load_run(run_id, number)
    oldest = load.store.list_loads("shop", "events")[-1]
    load.store.ask(
        StateRequest("shop", "events", "rewind", asked_by="me", record_id=oldest.record_id)
    )

    with monkeypatch.context() as patched:
        patched.setattr(Pipeline, "load", gone)
        with pytest.raises(TransientLoadError):
            load_run("four", 4)

    assert load_run("five", 4) == [1, 2, 3, 4]


TWO_SOURCES = """
import dlt

def shop(name):
    @dlt.source(name=name)
    def source():
        @dlt.resource(name="orders", table_name=f"{name}_orders", write_disposition="append")
        def orders(id=dlt.sources.incremental("id", initial_value=0)):
            yield {"id": id.last_value + 1}
        return orders
    return source()

def shops():
    return [shop("eu"), shop("us")]
"""


@pytest.mark.parametrize("way", ["rewind", "replay"])
def test_a_load_of_a_batch_is_taken_back_for_the_source_that_was_asked_for(load, write_module, way):
    write_module("two_shops.py", TWO_SOURCES)
    both = ("eu__orders", "us__orders")

    def load_run(run_id, **changes):
        request = load.request("two_shops:shops", *both, task_key="batch")
        run = dataclasses.replace(request.run, run_id=run_id, try_number=1)
        load_task(dataclasses.replace(request, run=run, **changes), load.store)

    load_run("one")
    load_run("two")
    if way == "rewind":
        newest = load.store.last_load("shop", "eu__orders")
        load.store.ask(
            StateRequest("shop", "eu__orders", "rewind", asked_by="me", record_id=newest.record_id)
        )
        load_run("three")
    else:
        load_run("three", replay_run_id="two", selected=("eu__orders",))

    ids = {
        name: [dict(row)["id"] for row in rows]
        for name, rows in load.tables().items()
        if name.endswith("_orders")
    }
    # a rewind is of one source, while the other goes on as ever
    assert ids == {"eu_orders": [1, 2], "us_orders": [1, 2, 3] if way == "rewind" else [1, 2]}
