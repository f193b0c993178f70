"""A resource that fails while it is extracted does not take the others of its task with it."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import (
    LockTimeoutError,
    TerminalLoadError,
    TransientLoadError,
)
from airflow_dlt_provider.core.loading import load as steps
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.spec import Refresh, RunIdentity, Window

SHOP = """
import dlt

def rows(name, upto, broken):
    def rows(id=dlt.sources.incremental("id", initial_value=0)):
        for number in range(id.last_value + 1, upto + 1):
            if name in broken and number == upto:
                raise broken[name](f"{name} is down")
            yield {"id": number}
    return dlt.resource(rows, name=name, write_disposition="append")

@dlt.source
def shop(upto, broken=(), error="ConnectionError"):
    errors = {"ConnectionError": ConnectionError, "ImportError": ImportError}
    broken = dict.fromkeys(broken, errors[error])
    users = rows("users", upto, broken)
    orders = rows("orders", upto, broken)

    @dlt.transformer(data_from=orders, write_disposition="append")
    def lines(order):
        if "lines" in broken:
            raise broken["lines"]("lines are down")
        yield {"order": order["id"]}

    return users, orders, lines, rows("payments", upto, broken)
"""

ALL = ("users", "orders", "lines", "payments")


@pytest.fixture
def load_try(load, write_module):
    """Load one try of a task for all resources, `max_tries` being 3."""
    write_module("my_shop.py", SHOP)

    def load_try(number, upto, *broken, run_id="run_1", max_tries=3, resources=ALL, **changes):
        kwargs = {
            "upto": upto,
            "broken": list(broken),
            "error": changes.pop("error", "ImportError"),
        }
        request = load.request("my_shop:shop", *resources, kwargs=kwargs, task_key="batch")
        run = RunIdentity("shop_dag", run_id, try_number=number, max_tries=max_tries)
        return load_task(replace(request, run=run, **changes), load.store)

    return load_try


def each(names, values):
    return dict.fromkeys(names, values)


def ids(load):
    return {name: [dict(row).popitem()[1] for row in rows] for name, rows in load.tables().items()}


def test_the_others_are_loaded_and_the_task_fails_by_the_name_of_the_resource(load, load_try):
    with pytest.raises(TerminalLoadError) as failed:
        load_try(1, 2, "payments")

    assert "resource 'payments'" in str(failed.value)
    assert "payments is down" in str(failed.value)
    assert "The others are loaded: users, orders, lines" in str(failed.value)
    assert ids(load) == {"users": [1, 2], "orders": [1, 2], "lines": [1, 2]}


def test_the_retry_loads_what_is_missing_and_returns_all(load, load_try):
    with pytest.raises(TerminalLoadError):
        load_try(1, 2, "payments")

    # what has come since is for the next run
    result = load_try(2, 3)

    assert ids(load) == {"users": [1, 2], "orders": [1, 2], "lines": [1, 2], "payments": [1, 2, 3]}
    rows = {item.resource_name: item.rows for item in result.resources}
    assert rows == {"users": 2, "orders": 2, "lines": 2, "payments": 3}
    assert len(result.load_ids) == 2
    assert {table.name.rpartition(".")[2] for table in result.tables} == set(ALL)


def test_the_next_run_goes_on_from_the_cursor_of_each(load, load_try):
    with pytest.raises(TerminalLoadError):
        load_try(1, 2, "payments")

    load_try(1, 4, run_id="run_2")

    assert ids(load) == each(ALL, [1, 2, 3, 4])


def test_a_resource_that_feeds_another_fails_for_both(load, load_try):
    with pytest.raises(TerminalLoadError, match=r"resource 'orders'.*resource 'lines'"):
        load_try(1, 2, "orders")

    assert ids(load) == {"users": [1, 2], "payments": [1, 2]}
    load_try(2, 2)
    assert ids(load) == each(ALL, [1, 2])


def test_a_transformer_that_fails_takes_the_cursor_of_what_feeds_it_back(load, load_try):
    with pytest.raises(TerminalLoadError):
        load_try(1, 2, "lines")

    load_try(2, 2)

    assert ids(load) == each(ALL, [1, 2])


def test_several_may_fail_in_one_try(load, load_try):
    with pytest.raises(TerminalLoadError, match=r"resource 'users'.*resource 'payments'"):
        load_try(1, 2, "users", "payments")

    assert ids(load) == {"orders": [1, 2], "lines": [1, 2]}
    with pytest.raises(
        TerminalLoadError, match=r"resource 'payments'.*are loaded: orders, lines, users"
    ):
        load_try(2, 2, "payments")
    load_try(3, 2)
    assert ids(load) == each(ALL, [1, 2])


def test_all_of_them_may_fail_and_nothing_is_loaded(load, load_try):
    with pytest.raises(TerminalLoadError, match="is down"):
        load_try(1, 2, *ALL)

    assert ids(load) == {}


def test_what_may_go_away_is_tried_again(load_try):
    with pytest.raises(TransientLoadError, match="payments is down"):
        load_try(1, 2, "payments", error="ConnectionError")


def test_a_full_refresh_is_repeated_for_what_is_missing_alone(load, load_try):
    load_try(1, 2, run_id="run_0")

    with pytest.raises(TerminalLoadError):
        load_try(1, 3, "payments", refresh=Refresh())
    load_try(2, 4, refresh=Refresh())

    assert ids(load) == each(ALL[:3], [1, 2, 3]) | {"payments": [1, 2, 3, 4]}


def test_with_stop_none_of_them_is_loaded(load, load_try):
    with pytest.raises(TerminalLoadError, match="payments is down"):
        load_try(1, 2, "payments", on_failure="stop")

    assert ids(load) == {}


def test_a_task_for_a_whole_source_stops_as_its_retry_would_not_know_what_is_missing(
    load, load_try
):
    with pytest.raises(TerminalLoadError, match="payments is down"):
        load_try(1, 2, "payments", resources=())

    assert ids(load) == {}


def test_a_try_that_was_killed_while_it_loaded_the_others_is_not_gone_on_with(
    load, load_try, monkeypatch
):
    folder = load.folder / "work" / "one"
    monkeypatch.setattr(Pipeline, "load", killed)
    with pytest.raises(KeyboardInterrupt):
        load_try(1, 2, "payments", working_dir=folder)
    monkeypatch.undo()

    load_try(2, 2, working_dir=folder)

    assert ids(load) == each(ALL, [1, 2])


def killed(*args, **kwargs):
    raise KeyboardInterrupt


def test_nothing_of_such_a_try_is_left_on_the_disk(load, load_try):
    folder = load.folder / "work" / "one"
    with pytest.raises(TerminalLoadError):
        load_try(1, 2, "payments", working_dir=folder)

    assert not folder.exists()


def test_a_task_that_is_cleared_while_a_resource_is_missing_goes_on_from_the_others(load, load_try):
    with pytest.raises(TerminalLoadError):
        load_try(1, 2, "payments")

    # Airflow counts on from there
    load_try(2, 3, max_tries=4)

    assert ids(load) == each(ALL[:3], [1, 2]) | {"payments": [1, 2, 3]}


def test_a_task_that_is_cleared_after_all_were_loaded_loads_anew(load, load_try):
    with pytest.raises(TerminalLoadError):
        load_try(1, 2, "payments")
    load_try(2, 2)

    load_try(3, 3, max_tries=6)

    assert ids(load) == each(ALL, [1, 2, 3])


def test_an_outage_is_told_of_by_every_resource_and_ends_soon(load, load_try, monkeypatch):
    monkeypatch.setattr(steps, "MAX_FAILED_ROUNDS", 1)

    with pytest.raises(TransientLoadError, match=r"'users'.*'orders'.*Nothing is loaded"):
        load_try(1, 2, *ALL, error="ConnectionError")

    assert ids(load) == {}


WINDOWED = """
import dlt

START = dlt.sources.incremental("day", initial_value="2024-01-01T00:00:00Z")
DAY = {"id": 1, "day": "2024-01-02T00:00:00Z"}

@dlt.source
def windowed():
    @dlt.resource(table_name="shared", write_disposition="merge", primary_key="id")
    def broken(day=START):
        raise ConnectionError("down")
        yield DAY

    @dlt.resource(write_disposition="merge", primary_key="id")
    def fine(day=START):
        yield DAY

    @dlt.transformer(data_from=fine, table_name="shared", write_disposition="append")
    def skipped(day):
        yield {"id": 5}

    @dlt.resource(write_disposition="merge", primary_key="id")
    def alone(day=START):
        yield DAY

    return broken, fine, skipped, alone
"""


def test_what_fails_takes_along_what_it_is_bound_to_by_a_resource_without_part_in_the_window(
    load, write_module
):
    write_module("windowed.py", WINDOWED)
    names = ("broken", "fine", "skipped", "alone")
    request = load.request("windowed:windowed", *names, task_key="batch")
    window = Window(
        datetime(2024, 1, 1, tzinfo=timezone.utc), datetime(2024, 1, 5, tzinfo=timezone.utc)
    )

    with pytest.raises(TransientLoadError, match="The others are loaded: alone"):
        load_task(replace(request, window=window), load.store)


CONTRACT = """
import dlt

@dlt.source
def contract():
    @dlt.resource(schema_contract="freeze", columns=[{"name": "id", "data_type": "bigint"}])
    def frozen():
        yield {"id": 1, "new": 2}
    return frozen, dlt.resource([{"id": 1}], name="fine")
"""


def test_a_resource_that_breaks_its_contract_leaves_the_others(load, write_module):
    write_module("contract.py", CONTRACT)

    with pytest.raises(TerminalLoadError, match=r"resource 'frozen'.*are loaded: fine"):
        load("contract:contract", "frozen", "fine")


def test_a_try_that_waited_while_another_used_its_folder_makes_it_anew(load, load_try, monkeypatch):
    folder = load.folder / "work" / "one"
    lock = steps.load_lock

    @contextmanager
    def taken_before(*arguments):
        # what the other one does at its end
        shutil.rmtree(folder)
        with lock(*arguments) as is_alone:
            yield is_alone

    monkeypatch.setattr(steps, "load_lock", taken_before)
    load_try(1, 2, working_dir=folder)

    assert ids(load) == each(ALL, [1, 2])


def test_a_try_that_waits_in_vain_leaves_the_folder_to_the_one_that_works_in_it(
    load, load_try, monkeypatch
):
    folder = load.folder / "work" / "one"

    @contextmanager
    def never(*_arguments):
        # the other one finds the folder, and empties it
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "of_the_other").touch()
        raise LockTimeoutError("the load", 1, None)
        yield

    monkeypatch.setattr(steps, "load_lock", never)
    with pytest.raises(TransientLoadError, match="the load"):
        load_try(1, 2, working_dir=folder)

    assert [path.name for path in folder.iterdir()] == ["of_the_other"]
