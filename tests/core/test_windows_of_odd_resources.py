"""Windows of resources whose rows are hard to tell apart: right, or left out with a reason."""

import dataclasses
import json

import pytest

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.spec import Refresh
from airflow_dlt_provider.core.state.records import StateRequest
from tests.core.dated_shop import ALL, Shop, day, window

ODD = """
from datetime import datetime, timezone
import dlt
import pendulum

def moment(day):
    return datetime(2026, 1, day, 12, tzinfo=timezone.utc)

start = pendulum.datetime(2026, 1, 1)

@dlt.source
def shop(days, version=1):
    def rows(at=moment):
        return [
            {"day": day, "at": at(day), "version": version, "parts": [{"of": day}]}
            for day in days
        ]

    def with_offset(day):
        return f"2026-01-{day:02}T00:30:00+02:00"

    def with_fraction(day):
        return f"2026-01-{day:02}T12:00:00" + (".5Z" if day % 2 else "Z")

    @dlt.resource(write_disposition="append")
    def offset(new=dlt.sources.incremental("at", initial_value="2026-01-01T00:00:00+02:00")):
        yield rows(with_offset)

    @dlt.resource(write_disposition="merge", primary_key="day")
    def offset_merged(
        new=dlt.sources.incremental("at", initial_value="2026-01-01T00:00:00+02:00")
    ):
        yield rows(with_offset)

    @dlt.resource(write_disposition="append")
    def fraction(new=dlt.sources.incremental("at", initial_value="2026-01-01T00:00:00Z")):
        yield rows(with_fraction)

    @dlt.resource(write_disposition="append")
    def scheduled(
        new=dlt.sources.incremental("at", initial_value=start, allow_external_schedulers=True)
    ):
        yield rows()

    @dlt.resource(write_disposition="append")
    def ended(
        new=dlt.sources.incremental("at", initial_value=start, end_value=start.add(days=20))
    ):
        yield rows()

    @dlt.resource(write_disposition="append")
    def with_null(
        new=dlt.sources.incremental("at", initial_value=start, on_cursor_value_missing="include")
    ):
        yield [*rows(), {"day": 99, "at": None, "version": version, "parts": [{"of": 99}]}]

    @dlt.resource(write_disposition="append")
    def issues(new=dlt.sources.incremental("at", initial_value=start)):
        yield rows()

    @dlt.transformer(data_from=issues, write_disposition="append")
    def comments(items, made=dlt.sources.incremental("at", initial_value=start)):
        yield [dict(item) for item in items]

    @dlt.transformer(data_from=issues, write_disposition="append")
    def labels(items):
        yield [dict(item) for item in items]

    @dlt.resource(table_name=lambda row: f"kind_{row['day'] % 2}", write_disposition="append")
    def dispatched(new=dlt.sources.incremental("at", initial_value=start)):
        yield rows()

    @dlt.resource(write_disposition="append")
    def marked(new=dlt.sources.incremental("at", initial_value=start)):
        for row in rows():
            yield dlt.mark.with_table_name(row, f"mark_{row['day'] % 2}")

    @dlt.resource(
        write_disposition="merge",
        table_name=lambda row: f"keyed_{row['day'] % 2}",
        primary_key=lambda row: "day",
    )
    def keyed(new=dlt.sources.incremental("at", initial_value=start)):
        yield rows()

    return (
        offset, offset_merged, fraction, scheduled, ended, with_null, issues, comments, labels,
        dispatched, marked, keyed,
    )

@dlt.source
def tree(days, version=1):
    @dlt.resource
    def hidden(new=dlt.sources.incremental("at", initial_value=start)):
        yield [{"day": day, "at": moment(day), "version": version} for day in days]

    @dlt.transformer(data_from=hidden, write_disposition="merge", primary_key="day")
    def leaf(items):
        yield [dict(item) | {"parts": [{"of": item["day"]}]} for item in items]

    return leaf
"""


@pytest.fixture
def shop(load, write_module):
    write_module("my_shop.py", ODD)
    return Shop(load)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("offset", "its cursor is text with an offset from UTC"),
        ("comments", "a resource that feeds it has a cursor too"),
        ("labels", "a resource that feeds it has a cursor too"),
        ("dispatched", "its rows name their table"),
        ("keyed", "its rows name their table"),
    ],
)
def test_rows_that_could_not_be_told_apart_have_no_part(shop, resource, reason):
    result = shop.run(resource, days=ALL, window=window(5, 7))

    assert reason in result.skipped[resource]


def test_text_with_an_offset_is_compared_in_its_own(shop):
    for version in (1, 2):
        shop.run("offset_merged", days=ALL, version=version, window=window(5, 7))

    # midnight in UTC is two o'clock there
    assert shop.rows("offset_merged") == [(6, 2), (7, 2)]


def test_text_with_and_without_fractions_brings_no_duplicate(shop):
    shop.run("fraction", days=[5, 6, 7, 8])
    for version in (2, 3):
        shop.run("fraction", days=ALL, version=version, window=window(5, 8))

    assert shop.rows("fraction") == [(5, 3), (6, 3), (7, 3), (8, 1)]


def test_rows_without_a_cursor_come_with_no_window(shop):
    for version in (1, 2):
        shop.run("with_null", days=ALL, version=version, window=window(5, 7))

    assert shop.rows("with_null") == [(5, 2), (6, 2)]


def test_a_resource_that_feeds_appended_ones_has_no_part(shop):
    result = shop.run("issues", "labels", days=ALL, task_key="issues", window=window(5, 7))

    assert "labels would get its last rows twice" in result.skipped["issues"]


def test_what_feeds_a_resource_need_not_be_listed_by_the_source(shop):
    result = shop.run("leaf", days=ALL, source="my_shop:tree", window=window(5, 7))

    assert result.skipped == {} or "no cursor" in result.skipped["leaf"]


@pytest.mark.parametrize("resource", ["scheduled", "ended"])
def test_a_resource_that_keeps_no_cursor_is_loaded_after_a_window(shop, resource):
    shop.run(resource, days=ALL, window=window(5, 7))

    shop.run(resource, days=[8, 9], version=2, interval=window(8, 10))

    assert [row[0] for row in shop.rows(resource)][-2:] == [8, 9]


def test_a_full_refresh_brings_all_rows_whatever_the_interval_of_its_run(shop):
    shop.run("scheduled", days=[4, 5, 6, 7, 8])

    shop.run("scheduled", days=[4, 5, 6, 7, 8], version=2, refresh=Refresh(), interval=window(7, 8))

    assert shop.rows("scheduled") == [(number, 2) for number in (4, 5, 6, 7, 8)]


def test_a_rewind_brings_its_rows_back_whatever_the_interval_of_its_run(shop):
    shop.run("scheduled", days=[4])
    shop.run("scheduled", days=[5, 6, 7])
    record = shop.load.store.last_load("shop", "scheduled")
    shop.load.store.ask(
        StateRequest("shop", "scheduled", "rewind", asked_by="me", record_id=record.record_id)
    )

    shop.run("scheduled", days=[4, 5, 6, 7, 8], interval=window(8, 9))

    assert [row[0] for row in shop.rows("scheduled")] == [4, 5, 6, 7, 8]


def test_a_table_that_others_write_since_keeps_their_rows(shop, messages):
    shop.run("issues", days=ALL, window=window(5, 7))

    shop.run("issues", days=[5, 6, 7], version=2, shared_tables=("issues",))

    assert (5, 1) in shop.rows("issues")
    assert "may now be there twice" in messages()


@pytest.mark.parametrize("resource", ["dispatched", "marked", "keyed"])
def test_rows_that_name_their_tables_are_loaded_by_ordinary_runs(shop, resource):
    shop.run(resource, days=[4, 5])

    (load,) = shop.run(resource, days=[5, 6], version=2).resources
    assert load.rows


def test_a_window_of_arrow_data_brings_no_duplicate(load, write_module):
    write_module(
        "my_shop.py",
        """
import dlt, pendulum, pyarrow

@dlt.source
def shop(days, version=1):
    @dlt.resource(write_disposition="append")
    def arrow(new=dlt.sources.incremental("at", initial_value=pendulum.datetime(2026, 1, 1))):
        rows = [{"day": d, "at": pendulum.datetime(2026, 1, d), "version": version} for d in days]
        yield pyarrow.Table.from_pylist(rows)
    return arrow
""",
    )
    for version, days in ((1, None), (2, window(5, 7)), (3, window(5, 7))):
        request = load.request(
            "my_shop:shop", "arrow", kwargs={"days": ALL[:8], "version": version}
        )
        load_task(dataclasses.replace(request, window=days), load.store)

    rows = [(dict(row)["day"], dict(row)["version"]) for row in load.tables()["arrow"]]
    assert sorted(rows) == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 3), (6, 3), (7, 1), (8, 1)]


def test_a_window_is_kept_as_plain_json(shop):
    result = shop.run("issues", days=ALL, window=window(5, 7))

    assert json.loads(json.dumps(result.to_dict()))["resources"][0]["window"] == [
        day(5).isoformat(),
        day(7).isoformat(),
    ]
