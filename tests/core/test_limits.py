"""A limit loses no rows: what lies behind it comes later, or nothing is loaded."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from airflow_dlt_provider.core.errors import TerminalLoadError
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.source_options import SourceOptions
from airflow_dlt_provider.core.spec import Window

BLOG = """
from datetime import datetime, timezone
import dlt

def pages_of(ids):
    return [{"id": id, "at": datetime(2026, 1, id, tzinfo=timezone.utc)} for id in ids]

@dlt.source
def blog(ids=()):
    @dlt.resource
    def pages(new=dlt.sources.incremental("id")):
        yield from pages_of(ids)

    @dlt.resource
    def days(new=dlt.sources.incremental("at")):
        yield from pages_of(ids)

    @dlt.resource(primary_key="id", write_disposition="merge")
    def merged(new=dlt.sources.incremental("at")):
        yield from pages_of(ids)

    @dlt.resource(write_disposition="replace")
    def replaced(new=dlt.sources.incremental("id")):
        yield from pages_of(ids)

    @dlt.resource
    def plain():
        yield from pages_of(ids)

    @dlt.transformer(data_from=pages)
    def words(page):
        yield {"id": page["id"]}

    @dlt.transformer(data_from=plain)
    def links(page, new=dlt.sources.incremental("id")):
        yield {"id": page["id"]}

    return pages, days, merged, replaced, plain, words, links
"""

FIRST_WEEK = Window(
    datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 8, tzinfo=timezone.utc)
)
NEWEST_FIRST = range(10, 0, -1)
OLDEST_FIRST = range(1, 11)


@pytest.fixture
def blog(load, write_module):
    write_module("blog.py", BLOG)

    def run(resource, ids, *, window=None, **said):
        options = SourceOptions.model_validate({"resource_options": {"*": said} if said else {}})
        request = load.request("blog:blog", resource, kwargs={"ids": list(ids)}, options=options)
        load_task(replace(request, window=window), load.store)
        return [
            dict(row)["id"]
            for row in sorted(load.tables()[resource], key=lambda row: dict(row)["id"])
        ]

    return run


@pytest.mark.parametrize("resource", ["pages", "days", "merged", "words", "links"])
def test_a_limit_that_a_cursor_would_move_past_is_refused(blog, resource):
    with pytest.raises(
        TerminalLoadError, match=f"'{resource}' is not loaded with limit 3.*row_order"
    ):
        blog(resource, NEWEST_FIRST, limit=3)

    assert blog(resource, OLDEST_FIRST) == list(OLDEST_FIRST)


def test_rows_that_come_in_the_order_of_the_cursor_are_loaded_part_by_part(blog):
    said = {"limit": 4, "incremental": {"cursor_path": "id", "row_order": "asc"}}

    assert blog("pages", OLDEST_FIRST, **said) == [1, 2, 3, 4]
    assert blog("pages", OLDEST_FIRST) == list(OLDEST_FIRST)


@pytest.mark.parametrize("resource", ["replaced", "plain"])
def test_what_each_load_begins_anew_may_have_a_limit(blog, resource):
    assert blog(resource, NEWEST_FIRST, limit=3) == [8, 9, 10]


def test_a_range_that_each_load_brings_may_have_a_limit(blog):
    said = {"limit": 2, "incremental": {"cursor_path": "id", "initial_value": 1, "end_value": 9}}

    assert blog("pages", NEWEST_FIRST, **said) == [7, 8]
    assert blog("pages", NEWEST_FIRST) == sorted([7, 8, *OLDEST_FIRST])


def test_a_window_takes_no_rows_away_that_lie_behind_a_limit(blog):
    assert len(blog("days", OLDEST_FIRST)) == len(blog("merged", OLDEST_FIRST)) == 10

    with pytest.raises(TerminalLoadError, match="Leave the limit out, or the window"):
        blog("days", OLDEST_FIRST, window=FIRST_WEEK, limit=3)
    assert blog("merged", OLDEST_FIRST, window=FIRST_WEEK, limit=3) == list(OLDEST_FIRST)
    assert blog("days", OLDEST_FIRST) == list(OLDEST_FIRST)
