"""A full refresh of one resource: its table anew, its siblings as they were."""

import duckdb
import pytest
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import (
    TerminalLoadError,
    TransientLoadError,
)
from airflow_dlt_provider.core.spec import Refresh
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.records import StateRequest
from tests.core.events import gone
from tests.core.mixed_shop import ROOTS, SHOP, Shop


@pytest.fixture
def shop(load, write_module):
    write_module("my_shop.py", SHOP)
    return Shop(load)


@pytest.mark.parametrize("mode", ["replace", "drop_data", "drop_resources"])
@pytest.mark.parametrize("resource", ROOTS)
def test_one_table_is_reloaded_and_its_siblings_stay_as_they_were(shop, resource, mode):
    for name in ROOTS:
        shop.run(name, ids=[1, 2, 3])
    siblings = [name for name in ROOTS if name != resource]
    rows_before, cursors_before = shop.everything(*siblings), shop.cursors()

    # the source has forgotten 1, corrected the others, and has a new row
    shop.run(resource, ids=[2, 3, 4], version=2, refresh=Refresh(mode))

    assert shop.rows(resource) == [(2, 2), (3, 2), (4, 2)]
    assert shop.everything(*siblings) == rows_before
    cursors = shop.cursors()
    assert {n: cursors[n] for n in siblings} == {n: cursors_before[n] for n in siblings}

    shop.run(resource, ids=[2, 3, 4, 5], version=3)

    incremental = [(2, 2), (3, 2), (4, 2), (5, 3)]
    whole = [(2, 3), (3, 3), (4, 3), (5, 3)]
    assert shop.rows(resource) == (incremental if resource in ("appended", "merged") else whole)


@pytest.mark.parametrize("resource", ROOTS)
def test_a_first_load_may_be_a_full_refresh(shop, resource):
    shop.run(resource, ids=[1, 2], refresh=Refresh())
    shop.run(resource, ids=[1, 2, 3])

    assert shop.rows(resource) == [(1, 1), (2, 1), (3, 1)]


def test_a_run_after_a_refresh_that_brings_nothing_leaves_the_rows(shop):
    for _ in range(2):
        shop.run("appended", ids=[1, 2], run_id="first", refresh=Refresh())
    shop.run("appended", ids=[3], refresh=Refresh())

    shop.run("appended", ids=[3])
    shop.run("appended", ids=[])

    assert shop.rows("appended") == [(3, 1)]


def test_a_table_that_rows_name_one_by_one_is_emptied_too(shop):
    shop.run("dispatched", ids=[1, 2, 3])

    shop.run("dispatched", ids=[2, 4], version=2, refresh=Refresh())

    assert shop.rows("kind_0") == [(2, 2), (4, 2)]
    assert shop.rows("kind_1") == []


def test_resources_that_share_a_cursor_are_refreshed_together(shop):
    both = ("looked_up", "counted")
    shop.run(*both, ids=[1, 2], task_key="keys")

    result = shop.run(
        *both, ids=[2, 3], version=2, task_key="keys", selected=("counted",), refresh=Refresh()
    )

    assert [load.kind for load in result.resources] == ["refresh", "refresh"]
    assert shop.rows("looked_up") == shop.rows("counted") == [(2, 2), (3, 2)]


def test_of_a_task_with_many_resources_one_is_refreshed_alone(shop):
    shop.run(*ROOTS, ids=[1, 2], task_key="all")
    before = shop.everything("merged", "replaced", "historized")

    shop.run(*ROOTS, ids=[2], version=2, task_key="all", selected=("appended",), refresh=Refresh())

    assert shop.rows("appended") == [(2, 2)]
    assert shop.everything("merged", "replaced", "historized") == before
    shop.run(*ROOTS, ids=[2, 3], version=3, task_key="all")
    assert shop.rows("appended") == [(2, 2), (3, 3)]


@pytest.mark.parametrize("mode", ["replace", "drop_data", "drop_resources"])
@pytest.mark.parametrize("resource", ["appended", "historized"])
def test_a_source_without_rows_empties_no_table_unless_it_may(shop, resource, mode):
    shop.run(resource, ids=[1, 2])
    before, cursors = shop.everything(resource), shop.cursors()

    with pytest.raises(TerminalLoadError, match=f"no rows for {resource}"):
        shop.run(resource, ids=[], refresh=Refresh(mode))

    assert shop.everything(resource) == before
    assert shop.cursors() == cursors
    shop.run(resource, ids=[], refresh=Refresh(mode, allow_empty=True))
    assert resource not in shop.tables() or shop.rows(resource) == []


def test_every_try_of_a_run_repeats_its_refresh_until_it_is_finished(shop, monkeypatch):
    shop.run("appended", ids=[1, 2])
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "load", gone)
        with pytest.raises(TransientLoadError):
            shop.run("appended", ids=[2], version=2, run_id="again", max_tries=1, refresh=Refresh())

    again = {"run_id": "again", "refresh": Refresh()}
    shop.run("appended", ids=[2], version=2, try_number=2, max_tries=1, **again)
    assert shop.rows("appended") == [(2, 2)]

    # cleared: the run keeps its conf
    shop.run("appended", ids=[2, 3], version=3, try_number=3, max_tries=2, **again)
    assert shop.rows("appended") == [(2, 2), (3, 3)]


def test_another_run_finishes_a_refresh_that_was_cut_off_while_it_loaded(shop, monkeypatch):
    shop.run("appended", ids=[1, 2])
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "load", gone)
        with pytest.raises(TransientLoadError):
            shop.run("appended", ids=[2, 3], version=2, refresh=Refresh("drop_data"))

    # nobody retries it, and a table may be empty now
    shop.run("appended", ids=[2, 3], version=3)

    assert shop.rows("appended") == [(2, 3), (3, 3)]
    shop.run("appended", ids=[2, 3, 4], version=4)
    assert shop.rows("appended") == [(2, 3), (3, 3), (4, 4)]


def test_a_refresh_that_failed_to_extract_leaves_the_next_run_alone(shop):
    shop.run("appended", ids=[1, 2])
    with pytest.raises(TransientLoadError):
        shop.run("appended", ids=None, refresh=Refresh())

    shop.run("appended", ids=[1, 2, 3], version=2)

    assert shop.rows("appended") == [(1, 1), (2, 1), (3, 2)]


def test_a_refresh_is_told_from_other_loads_in_the_ledger(shop):
    shop.run("appended", ids=[1])
    result = shop.run("appended", ids=[1], refresh=Refresh())

    assert [load.kind for load in result.resources] == ["refresh"]
    assert [item.kind for item in shop.store.list_loads("shop", "appended")] == ["refresh", "load"]


def test_what_a_person_asked_waits_until_the_refresh_is_done(shop):
    shop.run("appended", ids=[1])
    shop.store.ask(StateRequest("shop", "appended", "set", asked_by="me", value=5))

    shop.run("appended", ids=[1, 2], refresh=Refresh())
    assert shop.rows("appended") == [(1, 1), (2, 1)]

    shop.run("appended", ids=[1, 2, 3, 6], version=2)
    assert shop.rows("appended") == [(1, 1), (2, 1), (6, 2)]


def test_no_rewind_goes_back_before_a_refresh(shop):
    shop.run("appended", ids=[1])
    first = shop.store.last_load("shop", "appended")
    shop.run("appended", ids=[2], refresh=Refresh())
    shop.store.ask(
        StateRequest("shop", "appended", "rewind", asked_by="me", record_id=first.record_id)
    )

    with pytest.raises(TerminalLoadError, match="cannot go back before its full refresh of run"):
        shop.run("appended", ids=[2, 3])
    assert shop.rows("appended") == [(2, 1)]


def test_a_rewind_after_a_refresh_takes_back_what_came_since(shop):
    shop.run("appended", ids=[1], refresh=Refresh())
    shop.run("appended", ids=[2], refresh=Refresh())
    shop.run("appended", ids=[2, 3])
    last = shop.store.last_load("shop", "appended")
    shop.store.ask(
        StateRequest("shop", "appended", "rewind", asked_by="me", record_id=last.record_id)
    )

    shop.run("appended", ids=[2, 30], version=2)

    assert shop.rows("appended") == [(2, 1), (30, 2)]


def test_a_refresh_takes_the_place_of_rows_that_nobody_knows(shop):
    shop.run("appended", ids=[9])
    with duckdb.connect(str(shop.file)) as connection:
        for name in ("_dlt_pipeline_state", "_dlt_loads", "_dlt_version"):
            connection.execute(f"DROP TABLE shop.shop.{name}")
    shop._load.store = MemoryStateStore()

    with pytest.raises(TerminalLoadError, match="run with full_refresh"):
        shop.run("appended", ids=[1])
    shop.run("appended", ids=[1], refresh=Refresh())

    assert shop.rows("appended") == [(1, 1)]


def test_a_table_that_other_tasks_write_is_not_refreshed_by_itself(shop):
    shop.run("appended", ids=[1])

    with pytest.raises(TerminalLoadError, match="other tasks write table 'appended' too"):
        shop.run("appended", ids=[2], refresh=Refresh(), shared_tables=("appended",))
    assert shop.rows("appended") == [(1, 1)]


def test_a_try_that_only_failed_to_say_so_is_not_done_again(shop):
    shop.run(*ROOTS, ids=[1, 2], task_key="all")
    again = {"task_key": "all", "selected": ("appended",), "run_id": "again"}
    first = shop.run(*ROOTS, ids=[2], refresh=Refresh(), **again)

    second = shop.run(*ROOTS, ids=[2], refresh=Refresh(), try_number=2, **again)

    assert second.load_ids == first.load_ids
    assert [load.kind for load in second.resources] == ["refresh"]
