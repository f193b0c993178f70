"""A resource that fails while it is extracted does not take the others of its task with it."""

from dataclasses import replace

import pytest
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import TerminalLoadError, TransientLoadError
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.spec import Refresh, RunIdentity

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

    def load_try(number, upto, *broken, run_id="run_1", resources=ALL, **changes):
        kwargs = {
            "upto": upto,
            "broken": list(broken),
            "error": changes.pop("error", "ImportError"),
        }
        request = load.request("my_shop:shop", *resources, kwargs=kwargs, task_key="batch")
        run = RunIdentity("shop_dag", run_id, try_number=number, max_tries=3)
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
