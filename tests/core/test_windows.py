"""Loads of a window: exactly its rows, twice without a duplicate, and the cursor stays."""

import dataclasses
from datetime import timedelta

import pytest
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import TerminalLoadError, TransientLoadError
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.loading.rows.sql import SqlRows
from airflow_dlt_provider.core.spec import Refresh, Window
from airflow_dlt_provider.core.state.records import StateRequest
from tests.core.dated_shop import ALL, SHOP, Shop, day, window
from tests.core.events import gone

APPENDED = (
    "appended", "by_text", "as_text", "by_date", "naive", "bound", "open_ended", "nested",
    "scheduled",
)  # fmt: skip


SOME = ("appended", "by_text", "by_date", "merged")


@pytest.fixture
def shop(load, write_module):
    write_module("my_shop.py", SHOP)
    return Shop(load)


@pytest.mark.parametrize("resource", [*APPENDED, "merged"])
def test_a_window_over_loaded_rows_brings_them_anew_and_leaves_the_cursor(shop, resource):
    shop.run(resource, days=[5, 6, 7, 8, 9])
    before = shop.cursor(resource)

    for version in (2, 3):
        result = shop.run(resource, days=ALL, version=version, window=window(6, 8))
        assert shop.rows(resource) == [(5, 1), (6, version), (7, version), (8, 1), (9, 1)]
        (loaded,) = result.resources
        assert loaded.kind == "backfill"
        assert loaded.window == ["2026-01-06T00:00:00+00:00", "2026-01-08T00:00:00+00:00"]
        assert loaded.cursor_before == loaded.cursor_after == before

    shop.run(resource, days=[9, 10], version=1)
    assert shop.rows(resource) == [(5, 1), (6, 3), (7, 3), (8, 1), (9, 1), (10, 1)]


@pytest.mark.parametrize("resource", SOME)
def test_a_window_before_the_first_load_and_before_the_initial_value(shop, resource):
    shop.run(resource, days=ALL, window=window(1, 3))
    shop.run(resource, days=ALL, window=window(1, 3))
    assert shop.rows(resource) == [(1, 1), (2, 1)]
    assert shop.cursor(resource) == {}

    shop.run(resource, days=[4, 5], version=2)

    assert shop.rows(resource) == [(1, 1), (2, 1), (4, 2), (5, 2)]


@pytest.mark.parametrize("resource", [*SOME, "open_ended", "nested"])
def test_an_ordinary_load_that_comes_to_a_window_adds_no_duplicate(shop, resource):
    shop.run(resource, days=[4, 5])
    # from a day that was loaded to days to come
    shop.run(resource, days=ALL, version=2, window=window(5, 8))
    assert shop.rows(resource) == [(4, 1), (5, 2), (6, 2), (7, 2)]

    shop.run(resource, days=[4, 5, 6], version=3)
    rows = shop.rows(resource)
    assert [row[0] for row in rows] == [4, 5, 6, 7]
    assert rows[2:] == [(6, 3), (7, 2)]

    shop.run(resource, days=[6, 7, 8], version=4)
    rows = shop.rows(resource)
    assert [row[0] for row in rows] == [4, 5, 6, 7, 8]
    assert rows[3:] == [(7, 4), (8, 4)]

    shop.run(resource, days=[8, 9], version=4)
    assert [row[0] for row in shop.rows(resource)] == [4, 5, 6, 7, 8, 9]


def test_a_first_load_that_comes_to_a_window_adds_no_duplicate(shop):
    shop.run("appended", days=ALL, window=window(4, 6))

    shop.run("appended", days=[3, 4, 5, 6], version=2)

    assert shop.rows() == [(3, 2), (4, 2), (5, 2), (6, 2)]


def test_windows_overlap_without_a_duplicate(shop):
    shop.run("appended", days=ALL, window=window(4, 8))
    shop.run("appended", days=ALL, version=2, window=window(6, 10))

    assert shop.rows() == [(4, 1), (5, 1), (6, 2), (7, 2), (8, 2), (9, 2)]


def test_a_window_without_rows_takes_none_away(shop):
    shop.run("appended", days=[5, 6])

    result = shop.run("appended", days=[], window=window(5, 7))

    assert result.rows == 0
    assert shop.rows() == [(5, 1), (6, 1)]


def test_the_end_of_a_window_is_not_in_it(shop):
    shop.run("appended", days=ALL, window=Window(day(5, 12), day(7, 12)))

    assert [row[0] for row in shop.rows()] == [5, 6]


def test_a_date_is_in_the_window_that_ends_its_day(shop):
    for hour in (0, 22, 23):
        start = day(5, hour)
        shop.run("by_date", days=[4, 5, 6], window=Window(start, start + timedelta(hours=1)))

    assert shop.rows("by_date") == [(5, 1)]


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("plain", "it has no cursor"),
        ("numbered", "its cursor is of type int, and a window has dates"),
        ("unknown", "nothing tells the type of its cursor"),
        ("falling", "its cursor does not go up"),
        ("replaced", "each of its loads brings the whole table"),
        ("historized", "would end the history of all others"),
        ("fed", "a resource that feeds it has a cursor too"),
    ],
)
def test_what_has_no_part_in_a_window_says_why_and_is_left_alone(shop, resource, reason):
    result = shop.run(resource, days=ALL, window=window(5, 7))

    assert result.resources == ()
    assert reason in result.skipped[resource]
    assert shop.load.store.list_loads("shop", resource) == []


def test_a_cursor_whose_type_a_load_has_shown_takes_a_window(shop):
    shop.run("unknown", days=[5])
    shop.run("unknown", days=ALL, window=window(1, 3))
    shop.run("typed", days=ALL, window=window(1, 3))

    assert shop.rows("unknown") == [(1, 1), (2, 1), (5, 1)]
    assert shop.rows("typed") == [(1, 1), (2, 1)]


def test_a_transformer_that_merges_takes_the_window_of_what_feeds_it(shop):
    for version in (1, 2):
        shop.run("fed_merged", days=ALL, version=version, window=window(5, 7))

    assert shop.rows("fed_merged") == [(5, 2), (6, 2)]


def test_of_one_task_those_that_can_take_a_window_are_loaded(shop):
    result = shop.run("appended", "plain", "merged", days=ALL, task_key="all", window=window(5, 7))

    assert [load.resource_name for load in result.resources] == ["appended", "merged"]
    assert list(result.skipped) == ["plain"]
    assert shop.rows() == shop.rows("merged") == [(5, 1), (6, 1)]


def test_a_window_that_was_cut_off_leaves_the_rows_that_were_there(shop, monkeypatch):
    shop.run("appended", days=[5, 6])
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "load", gone)
        with pytest.raises(TransientLoadError):
            shop.run("appended", days=ALL, version=2, run_id="late", window=window(5, 7))
    assert shop.rows() == [(5, 1), (6, 1)]

    shop.run("appended", days=ALL, version=2, run_id="late", try_number=2, window=window(5, 7))
    assert shop.rows() == [(5, 2), (6, 2)]


def test_older_rows_are_removed_by_whichever_load_comes_next(shop, monkeypatch):
    shop.run("appended", days=[5, 6])
    with monkeypatch.context() as patch:
        patch.setattr(SqlRows, "remove_superseded", gone)
        with pytest.raises(TransientLoadError):
            shop.run("appended", days=ALL, version=2, window=window(5, 7))
    assert shop.rows() == [(5, 1), (5, 2), (6, 1), (6, 2)]

    shop.run("appended", days=[6, 7], version=2)

    assert shop.rows() == [(5, 2), (6, 2), (7, 2)]


def test_a_rewind_keeps_windows_and_goes_through_them_without_a_duplicate(shop):
    shop.run("appended", days=[4])
    for last in (5, 6, 7):
        shop.run("appended", days=[last - 1, last])
    shop.run("appended", days=ALL, version=2, window=window(1, 3))
    shop.run("appended", days=ALL, version=2, window=window(5, 7))
    second = shop.load.store.list_loads("shop", "appended")[4]
    shop.load.store.ask(
        StateRequest("shop", "appended", "rewind", asked_by="me", record_id=second.record_id)
    )

    shop.run("appended", days=[4, 5, 6, 7], version=3)

    assert [row[0] for row in shop.rows()] == [1, 2, 4, 5, 6, 7]


def test_a_full_refresh_forgets_windows(shop):
    shop.run("appended", days=ALL, window=window(4, 8))

    shop.run("appended", days=[4, 5], version=2, refresh=Refresh())
    shop.run("appended", days=[5, 6], version=2)

    assert shop.rows() == [(4, 2), (5, 2), (6, 2)]


def test_what_a_person_asked_waits_until_the_window_is_done(shop):
    shop.run("appended", days=[5])
    shop.load.store.ask(StateRequest("shop", "appended", "set", asked_by="me", value=day(20)))

    shop.run("appended", days=ALL, window=window(1, 3))
    shop.run("appended", days=ALL)

    assert [row[0] for row in shop.rows()] == [1, 2, 5, *range(20, 29)]


def test_a_window_waits_for_a_refresh_that_was_cut_off(shop, monkeypatch):
    shop.run("appended", days=[5])
    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "load", gone)
        with pytest.raises(TransientLoadError):
            shop.run("appended", days=[5], refresh=Refresh())

    with pytest.raises(TerminalLoadError, match="a refresh of resource 'appended' was cut off"):
        shop.run("appended", days=ALL, window=window(1, 3))


def test_a_table_that_others_write_has_no_part_in_a_window(shop):
    result = shop.run("appended", days=ALL, window=window(1, 3), shared_tables=("appended",))

    assert "others write table 'appended' too" in result.skipped["appended"]


def test_rows_in_files_have_no_part_in_a_window(shop, tmp_path):
    request = shop.load.request(
        "my_shop:shop", "appended", kwargs={"days": ALL}, destination="filesystem"
    )
    toml = f'[destination.filesystem]\nbucket_url = "{tmp_path / "bucket"}"\n'
    request = dataclasses.replace(request, window=window(1, 3), secrets_toml=toml)

    with pytest.raises(TerminalLoadError, match="lie in files"):
        load_task(request, shop.load.store)


def test_a_resource_that_asks_for_a_scheduler_goes_on_from_its_cursor_without_one(shop, messages):
    shop.run("scheduled", days=[4, 5])
    shop.run("scheduled", days=[5, 6])

    assert shop.rows("scheduled") == [(4, 1), (5, 1), (6, 1)]
    assert "the run has no data interval" in messages()


def test_a_resource_that_asks_for_a_scheduler_gets_the_interval_of_a_run_that_has_one(shop):
    shop.run("scheduled", days=ALL, interval=window(5, 7))

    assert shop.rows("scheduled") == [(5, 1), (6, 1)]
