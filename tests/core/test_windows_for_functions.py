"""Windows of a source whose function takes dates."""

import dataclasses
from datetime import datetime, timedelta, timezone

import pytest

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.loading.window_arguments import with_window_arguments
from airflow_dlt_provider.core.spec import SourceSpec, Window
from tests.core.dated_shop import Shop, day, window

SHOP = """
from datetime import date, datetime, timezone
import dlt

@dlt.source
def shop(days, version=1, start_date: date = date(2026, 1, 1), end_date: date = date(2026, 2, 1)):
    def rows():
        return [
            {
                "day": day,
                "at": datetime(2026, 1, day, 12, tzinfo=timezone.utc),
                "version": version,
                "parts": [{"of": day}],
            }
            for day in days if start_date <= date(2026, 1, day) < end_date
        ]

    @dlt.resource(write_disposition="merge", primary_key="day")
    def merged():
        yield rows()

    @dlt.resource(write_disposition="merge", primary_key="day")
    def with_cursor(new=dlt.sources.incremental("at")):
        yield rows()

    @dlt.resource(write_disposition="merge", primary_key="day")
    def numbered(new=dlt.sources.incremental("day", initial_value=0)):
        yield rows()

    @dlt.resource(write_disposition="append")
    def appended():
        yield rows()

    @dlt.resource(write_disposition="merge")
    def keyless():
        yield rows()

    @dlt.resource(write_disposition="replace")
    def replaced():
        yield rows()

    @dlt.resource(write_disposition={"disposition": "merge", "strategy": "scd2"})
    def historized():
        yield rows()

    @dlt.transformer(data_from=merged, write_disposition="merge", primary_key="day")
    def fed(items):
        yield items

    return (
        merged, with_cursor, numbered, appended, keyless, replaced, historized, fed
    )
"""


@pytest.fixture(autouse=True)
def my_shop(write_module):
    write_module("my_shop.py", SHOP)


@pytest.fixture
def shop(load):
    return Shop(load)


def versions(*second, upto=10):
    return [(day, 2 if day in second else 1) for day in range(1, upto + 1)]


@pytest.mark.parametrize("name", ["merged", "fed"])
def test_a_resource_that_merges_is_loaded_without_a_cursor(shop, name):
    shop.run(name, days=range(1, 11))

    result = shop.run(name, days=range(1, 11), version=2, window=window(3, 5))

    assert shop.rows(name) == versions(3, 4)
    (load,) = result.resources
    assert (load.kind, load.rows_by_table[name]) == ("backfill", 2)


def test_repeating_a_window_does_not_double_rows(shop):
    for version in (1, 2):
        shop.run("merged", days=range(1, 11), version=version, window=window(3, 5))

    assert shop.rows("merged") == [(3, 2), (4, 2)]


def test_a_resource_with_a_cursor_has_the_window_as_ever(shop):
    shop.run("with_cursor", days=range(1, 11))
    before = shop.cursor("with_cursor")

    shop.run("with_cursor", days=range(1, 11), version=2, window=window(3, 5))

    assert shop.rows("with_cursor") == versions(3, 4)
    assert shop.cursor("with_cursor") == before
    assert shop.load.store.read_resources("shop", ["with_cursor"])["with_cursor"].states


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("appended", "it appends, and has no cursor: rows of the window that are there already"),
        ("keyless", "it appends, and has no cursor"),
        ("replaced", "each of its loads brings the whole table, of which the window is a part"),
        ("historized", "a part of its rows would end the history of all others (scd2)"),
        ("numbered", "its cursor is of type int, and a window has dates"),
    ],
)
def test_what_would_double_or_lose_rows_is_skipped_and_says_why(shop, name, reason):
    shop.run(name, days=range(1, 11))

    result = shop.run(name, days=range(1, 11), version=2, window=window(3, 5))

    assert reason in result.skipped[name]
    assert result.resources == ()
    assert shop.rows(name) == versions()


def test_an_ordinary_load_is_given_no_dates(shop):
    shop.run("merged", days=range(1, 11), interval=window(3, 5))

    assert shop.rows("merged") == versions()


def test_dates_that_the_dag_file_gives_are_not_replaced(load):
    first, last = day(1).date(), day(11).date()
    kwargs = {"days": [1, 2, 3], "start_date": first, "end_date": last}
    request = load.request("my_shop:shop", "merged", kwargs=kwargs)

    result = load_task(dataclasses.replace(request, window=window(3, 5)), load.store)

    assert result.skipped == {"merged": "it has no cursor"}


def test_without_a_place_for_dates_the_reason_is_that_there_is_no_cursor(shop, write_module):
    write_module(
        "my_shop.py",
        SHOP.replace("start_date:", "since:")
        .replace("start_date", "since")
        .replace("end_date", "until"),
    )

    result = shop.run("merged", days=range(1, 11), window=window(3, 5))

    assert result.skipped == {"merged": "it has no cursor"}


ANNOTATED = """
import datetime as dt
from datetime import date, datetime
from typing import Annotated, Optional, Union
import pendulum

NAIVE = datetime(2026, 1, 1)

def dates(start_date: date, end_date: Optional[date] = None): ...
def more_dates(start_date: dt.date, end_date: "date | None" = None): ...
def datetimes(start_date: datetime, end_date: Union[datetime, str, None] = None): ...
def pendulums(start_date: pendulum.DateTime, end_date: "pendulum.DateTime" = None): ...
def naive(start_date: datetime = NAIVE, end_date: datetime = NAIVE): ...
def texts(start_date: str, end_date=None): ...
def defaults(start_date=NAIVE.date(), end_date=NAIVE.replace(tzinfo=dt.timezone.utc)): ...
def annotated(start_date: Annotated[date, "x"], end_date: "Optional[dt.datetime]" = None): ...
def only_end(end_date: str): ...
def others(since: str = "", **more): ...
"""

TOKYO = timezone(timedelta(hours=9))


@pytest.fixture
def ends(write_module, base_dir):
    """Return the arguments that a function is given for a window."""
    write_module("annotated.py", ANNOTATED)

    def ends(name, window, **kwargs):
        spec = SourceSpec(f"annotated:{name}", base_dir, kwargs)
        return dict(with_window_arguments(spec, window).source_kwargs)

    return ends


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("dates", day(3).date(), day(5).date()),
        ("more_dates", day(3).date(), day(5).date()),
        ("datetimes", day(3), day(5)),
        ("pendulums", day(3), day(5)),
        ("naive", datetime(2026, 1, 3), datetime(2026, 1, 5)),
        ("texts", "2026-01-03", "2026-01-05"),
        ("defaults", day(3).date(), day(5)),
        ("annotated", day(3).date(), day(5)),
    ],
)
def test_the_ends_are_what_the_function_takes(ends, name, start, end):
    given = ends(name, window(3, 5))

    assert given == {"start_date": start, "end_date": end}
    assert isinstance(given["start_date"], datetime) == isinstance(start, datetime)
    assert isinstance(given["end_date"], datetime) == isinstance(end, datetime)


def test_ends_that_are_no_days_have_their_time_in_text_and_are_days_around_it_as_dates(ends):
    half = Window(day(3, 12), day(5, 12))

    assert ends("texts", half) == {
        "start_date": "2026-01-03T12:00:00+00:00",
        "end_date": "2026-01-05T12:00:00+00:00",
    }
    assert ends("dates", half) == {"start_date": day(3).date(), "end_date": day(6).date()}


def test_days_are_those_of_the_clock_of_the_dag(ends):
    tokyo = Window(datetime(2026, 1, 3, tzinfo=TOKYO), datetime(2026, 1, 5, tzinfo=TOKYO))

    assert ends("texts", tokyo) == {"start_date": "2026-01-03", "end_date": "2026-01-05"}
    assert ends("naive", tokyo)["start_date"] == datetime(2026, 1, 2, 15)


def test_a_function_with_one_of_them_is_given_that_one(ends):
    assert ends("only_end", window(3, 5)) == {"end_date": "2026-01-05"}
    assert ends("texts", window(3, 5), start_date="x") == {
        "start_date": "x",
        "end_date": "2026-01-05",
    }
    assert ends("others", window(3, 5)) == {}
