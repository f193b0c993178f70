"""An ordinary load without rows, of a resource whose loads replace its table."""

import pytest

from airflow_dlt_provider.core.errors import TerminalLoadError
from airflow_dlt_provider.core.spec import Refresh
from tests.core.mixed_shop import ROOTS, SHOP, Shop

DISPATCHED = """
import dlt

@dlt.source
def shop(ids, version=1):
    @dlt.resource(write_disposition="replace", table_name=lambda row: f"kind_{row['id'] % 2}")
    def dispatched():
        yield [{"id": id, "version": version} for id in ids]

    return dispatched
"""


@pytest.fixture(autouse=True)
def my_shop(write_module):
    write_module("my_shop.py", SHOP)


@pytest.fixture
def shop(load):
    return Shop(load)


def test_dlt_empties_the_table_unless_it_is_told_not_to(shop):
    shop.run("replaced", ids=[1, 2])

    shop.run("replaced", ids=[])

    assert shop.rows("replaced") == []


def test_a_guarded_table_stays_as_it_is_and_the_task_fails_for_good(shop):
    shop.run("replaced", ids=[1, 2])
    before = shop.everything("replaced")

    with pytest.raises(TerminalLoadError) as raised:
        shop.run("replaced", ids=[], allow_empty_replace=False)

    assert shop.everything("replaced") == before
    assert "the source has no rows for replaced, which would be written in place" in str(
        raised.value
    )
    # a run has a param, and a command an option
    assert "param allow_empty_replace" in str(raised.value)
    assert "--allow-empty-replace" in str(raised.value)


def test_after_the_guard_the_next_load_with_rows_is_an_ordinary_one(shop):
    shop.run("replaced", ids=[1, 2])
    with pytest.raises(TerminalLoadError):
        shop.run("replaced", ids=[], allow_empty_replace=False, run_id="a", max_tries=1)

    # another try of the same run asks the source once more
    shop.run("replaced", ids=[3], run_id="a", try_number=2, max_tries=1, allow_empty_replace=False)

    assert shop.rows("replaced") == [(3, 1)]


def test_a_guarded_table_without_rows_may_stay_empty(shop):
    first = shop.run("replaced", ids=[], allow_empty_replace=False)
    shop.run("replaced", ids=[])
    again = shop.run("replaced", ids=[], allow_empty_replace=False)

    assert (first.rows, again.rows) == (0, 0)


def test_the_guard_is_about_replaced_tables_alone(shop):
    shop.run("appended", "merged", ids=[1, 2], task_key="all")

    shop.run("appended", "merged", ids=[], task_key="all", allow_empty_replace=False)

    assert shop.rows("appended") == shop.rows("merged") == [(1, 1), (2, 1)]


def test_one_empty_replace_stops_the_whole_task(shop, write_module):
    shop.run(*ROOTS, ids=[1], task_key="all")
    before = shop.everything(*ROOTS)

    with pytest.raises(TerminalLoadError, match="no rows for replaced,"):
        shop.run(*ROOTS, ids=[], task_key="all", allow_empty_replace=False)

    assert shop.everything(*ROOTS) == before


def test_a_refresh_has_the_guard_of_its_own(shop):
    shop.run("replaced", ids=[1])

    shop.run("replaced", ids=[], allow_empty_replace=False, refresh=Refresh(allow_empty=True))

    assert shop.rows("replaced") == []


def test_a_table_that_rows_name_is_guarded_too(shop, write_module):
    write_module("my_shop.py", DISPATCHED)
    shop.run("dispatched", ids=[], allow_empty_replace=False)
    shop.run("dispatched", ids=[1, 2])

    with pytest.raises(TerminalLoadError, match="no rows for dispatched,"):
        shop.run("dispatched", ids=[], allow_empty_replace=False)

    assert shop.rows("kind_0") == [(2, 1)]
