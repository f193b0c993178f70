"""`lookback_days`: loads that begin some days before the cursor."""

import dataclasses
from datetime import datetime, timezone

import pytest

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.source_options import SourceOptions
from airflow_dlt_provider.core.spec import Refresh, RunIdentity
from airflow_dlt_provider.core.state.records import StateRequest
from tests.core.dated_shop import Shop, window

SHOP = """
from datetime import date, datetime, timezone
import dlt

VALUES = {
    "at": (lambda day: datetime(2026, 1, day, 12, tzinfo=timezone.utc), None),
    "started": (
        lambda day: datetime(2026, 1, day, 12, tzinfo=timezone.utc),
        datetime(2026, 1, 8, tzinfo=timezone.utc),
    ),
    "naive": (lambda day: datetime(2026, 1, day, 12), datetime(2026, 1, 1)),
    "by_date": (lambda day: date(2026, 1, day), date(2026, 1, 1)),
    "untyped_date": (lambda day: date(2026, 1, day), None),
    "text_date": (lambda day: f"2026-01-{day:02}", "2026-01-01"),
    "text_moment": (lambda day: f"2026-01-{day:02}T12:00:00Z", "2026-01-01T00:00:00Z"),
    "numbered": (lambda day: day, 0),
}

@dlt.source
def shop(days, version=1):
    def rows(value):
        return [
            {"day": day, "at": value(day), "version": version, "parts": [{"of": day}]}
            for day in days
        ]

    def resource(name, value, initial, **hints):
        cursor = dlt.sources.incremental("at", initial_value=initial)
        return dlt.resource(lambda: (yield rows(value)), name=name).apply_hints(
            incremental=cursor, columns={"at": {"timezone": False}} if name == "naive" else None,
            **hints
        )

    merged = {"write_disposition": "merge", "primary_key": "day"}
    for name, (value, initial) in VALUES.items():
        yield resource(name, value, initial, **merged)
    at = VALUES["at"][0]
    yield resource("appended", at, None, write_disposition="append")
    yield resource("keyless", at, None, write_disposition="merge")
    yield resource("replaced", at, None, write_disposition="replace")
    scd2 = {"disposition": "merge", "strategy": "scd2"}
    yield resource("historized", at, None, write_disposition=scd2, merge_key="day")
    late = dlt.sources.incremental("at", lag=5 * 86400)
    yield resource("late", at, None, **merged).apply_hints(incremental=late)

    parent = resource("parent", at, None, **merged)
    yield parent

    @dlt.transformer(data_from=parent, write_disposition="merge", primary_key="day")
    def fed(items):
        yield items

    @dlt.transformer(data_from=parent, write_disposition="append")
    def fed_appended(items):
        yield items

    yield from (fed, fed_appended)
"""


@pytest.fixture(autouse=True)
def my_shop(write_module):
    write_module("my_shop.py", SHOP)


class LateShop(Shop):
    def run(self, *resources, days, version=1, lookback_days=3, task_key=None, **fields):
        self.runs += 1
        request = self.load.request(
            "my_shop:shop",
            *resources,
            kwargs={"days": list(days), "version": version},
            options=SourceOptions(lookback_days=lookback_days),
            task_key=task_key,
        )
        run = RunIdentity("shop_dag", f"run_{self.runs}")
        return load_task(dataclasses.replace(request, run=run, **fields), self.load.store)

    def versions(self, table):
        """Return day -> version of the rows that are there."""
        rows = self.rows(table)
        assert len(rows) == len(dict(rows)), "no row is there twice"
        return dict(rows)


@pytest.fixture
def shop(load):
    return LateShop(load)


def versions(first_of_second_load):
    return {day: 2 if day >= first_of_second_load else 1 for day in range(1, 12)}


@pytest.mark.parametrize(
    "name", ["at", "naive", "by_date", "untyped_date", "text_date", "text_moment"]
)
def test_a_load_begins_so_many_days_before_its_cursor(shop, name):
    shop.run(name, days=range(1, 11))

    shop.run(name, days=range(1, 12), version=2)

    # the cursor is at the tenth
    assert shop.versions(name) == versions(7)


def test_without_lookback_a_load_begins_at_its_cursor(shop):
    shop.run("at", days=range(1, 11), lookback_days=None)

    shop.run("at", days=range(1, 12), version=2, lookback_days=None)

    assert shop.versions("at") == versions(11)


def test_a_load_that_looks_back_leaves_the_cursor_where_it_was(shop):
    shop.run("at", days=range(1, 11))
    before = shop.cursor("at")

    shop.run("at", days=range(1, 10), version=2)

    assert shop.cursor("at") == before
    assert shop.versions("at") == {day: 2 if 7 <= day <= 9 else 1 for day in range(1, 11)}


def test_a_load_does_not_look_back_beyond_the_initial_value(shop):
    shop.run("started", days=range(1, 11))

    shop.run("started", days=range(1, 11), version=2)

    assert shop.versions("started") == {8: 2, 9: 2, 10: 2}


def test_a_cursor_that_is_no_date_is_left_alone(shop):
    shop.run("numbered", days=range(1, 11))

    shop.run("numbered", days=range(1, 12), version=2)

    assert shop.versions("numbered") == versions(11)


@pytest.mark.parametrize("name", ["appended", "keyless"])
def test_a_resource_that_appends_is_left_alone_and_says_why(shop, messages, name):
    shop.run(name, days=range(1, 11))

    shop.run(name, days=range(1, 12), version=2)

    # dlt takes a changed row at the cursor for a new one
    assert shop.rows(name) == [*((day, 1) for day in range(1, 11)), (10, 2), (11, 2)]
    assert (
        f"lookback_days: {name} would load rows of 3 days again, which {name} does not merge by a "
        "key; it goes on from its cursor"
    ) in messages()


def test_a_replaced_resource_is_loaded_whole_as_ever(shop, messages):
    shop.run("replaced", days=range(1, 11))

    shop.run("replaced", days=range(1, 12), version=2)

    assert shop.versions("replaced") == versions(1)
    assert "lookback_days" not in messages()


def test_a_row_with_a_history_gets_a_new_version_of_it(shop):
    shop.run("historized", days=range(1, 11))

    shop.run("historized", days=range(1, 12), version=2)

    doubled = {(day, 1) for day in range(1, 11)} | {(day, 2) for day in range(7, 12)}
    assert set(shop.rows("historized")) == doubled
    assert len(shop.rows("historized")) == len(doubled)


def test_a_longer_lag_of_the_sources_own_stays(shop):
    shop.run("late", days=range(1, 11))

    shop.run("late", days=range(1, 12), version=2)

    assert shop.versions("late") == versions(5)


def test_a_transformer_that_merges_looks_back_by_the_cursor_of_what_feeds_it(shop):
    shop.run("fed", days=range(1, 11))

    shop.run("fed", days=range(1, 12), version=2)

    assert shop.versions("fed") == versions(7)


def test_of_resources_with_one_cursor_all_must_merge(shop, messages):
    names = ("parent", "fed", "fed_appended")
    shop.run(*names, days=range(1, 11), task_key="tree")

    shop.run(*names, days=range(1, 12), version=2, task_key="tree")

    assert shop.versions("parent") == versions(11)
    assert "parent, fed, fed_appended would load rows of 3 days again, which fed_appended" in (
        messages()
    )


def test_a_full_refresh_begins_at_the_beginning(shop):
    shop.run("at", days=range(1, 11))

    shop.run("at", days=range(1, 12), version=2, refresh=Refresh())

    assert shop.versions("at") == versions(1)


def test_a_window_is_not_made_longer(shop):
    shop.run("at", days=range(1, 12))

    shop.run("at", days=range(1, 12), version=2, window=window(6, 8))

    assert shop.versions("at") == {**dict.fromkeys(range(1, 12), 1), 6: 2, 7: 2}


def test_a_cursor_that_a_person_has_set_is_where_the_load_begins(shop):
    shop.run("at", days=range(1, 11))
    value = datetime(2026, 1, 10, tzinfo=timezone.utc)
    shop.load.store.ask(StateRequest("shop", "at", "set", "ann", value=value))

    shop.run("at", days=range(1, 12), version=2)

    assert shop.versions("at") == versions(10)
