"""Full refreshes of resources that name their tables, were regrouped, or bring no rows."""

import pytest

from airflow_dlt_provider.core.errors import TerminalLoadError
from airflow_dlt_provider.core.spec import DestinationSpec, Refresh
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.records import StateRequest
from tests.core.mixed_shop import ROOTS, SHOP, Shop

MARKED = """
import dlt

@dlt.source
def shop(ids, version=1):
    @dlt.resource(write_disposition="append")
    def marked():
        for id in ids:
            row = {"id": id, "version": version}
            yield dlt.mark.with_table_name(row, f"mark_{id % 2}")

    @dlt.resource(write_disposition="append")
    def variants():
        for id in ids:
            yield dlt.mark.with_hints(
                {"id": id, "version": version},
                dlt.mark.make_hints(table_name=f"variant_{id % 2}", write_disposition="append"),
                create_table_variant=True,
            )

    return marked, variants
"""


@pytest.fixture
def shop(load, write_module):
    write_module("my_shop.py", SHOP)
    return Shop(load)


@pytest.fixture
def marked_shop(load, write_module):
    write_module("my_shop.py", MARKED)
    return Shop(load)


@pytest.mark.parametrize(
    ("resource", "tables"),
    [("marked", ("mark_0", "mark_1")), ("variants", ("variant_0", "variant_1"))],
)
def test_tables_that_rows_name_are_emptied_whatever_way_was_asked(marked_shop, resource, tables):
    marked_shop.run(resource, ids=[4, 5])

    marked_shop.run(resource, ids=[4], version=2, refresh=Refresh())

    assert [marked_shop.rows(table) for table in tables] == [[(4, 2)], []]


@pytest.mark.parametrize("mode", ["replace", "drop_data", "drop_resources"])
def test_resources_that_are_grouped_anew_can_be_refreshed_at_once(shop, mode):
    names = ("appended", "merged")
    for name in names:
        shop.run(name, ids=[1, 2])

    shop.run(*names, ids=[2, 3], version=2, task_key="both", refresh=Refresh(mode))
    shop.run(*names, ids=[2, 3, 4], version=2, task_key="both")

    assert shop.rows("appended") == shop.rows("merged") == [(2, 2), (3, 2), (4, 2)]


def test_nested_rows_that_another_task_loaded_go_with_their_parents(shop, load, write_module):
    shop.run("appended", ids=[1, 2])
    write_module("my_shop.py", SHOP.replace(', "parts": [{"of": id, "bits": [{"bit": id}]}]', ""))

    # in a pipeline of another name, to which no nested table is known
    shop.run("appended", ids=[2], version=2, task_key="anew", refresh=Refresh())

    tables = load.tables()
    assert [dict(row)["id"] for row in tables["appended"]] == [2]
    assert tables["appended__parts"] == tables["appended__parts__bits"] == []


def test_rows_that_a_contract_discards_do_not_count_as_rows(shop):
    shop.run("merged", ids=[1, 2])
    strict = DestinationSpec(schema_contract={"data_type": "discard_row"})

    with pytest.raises(TerminalLoadError, match="no rows for merged"):
        shop.run("merged", ids=["text"], refresh=Refresh(), destination=strict)
    assert shop.rows("merged") == [(1, 1), (2, 1)]


def test_an_empty_refresh_asks_the_source_once_more_when_it_is_cleared(shop):
    shop.run("replaced", ids=[1, 2])
    again = {"run_id": "again", "refresh": Refresh()}
    with pytest.raises(TerminalLoadError):
        shop.run("replaced", ids=[], **again)

    shop.run("replaced", ids=[3], try_number=2, max_tries=1, **again)

    assert shop.rows("replaced") == [(3, 1)]


def test_a_table_that_is_empty_already_may_stay_empty(shop):
    shop.run("replaced", ids=[1])
    shop.run("replaced", ids=[], refresh=Refresh(allow_empty=True))

    shop.run("replaced", ids=[], refresh=Refresh())

    assert shop.rows("replaced") == []


def test_a_run_that_is_cleared_after_its_ledger_was_lost_does_not_refresh_again(shop):
    shop.run("appended", ids=[1])
    shop.run("appended", ids=[2], run_id="again", refresh=Refresh())
    shop._load.store = MemoryStateStore()

    shop.run("appended", ids=[3], run_id="again", try_number=2, max_tries=1, refresh=Refresh())

    assert shop.rows("appended") == [(2, 1), (3, 1)]


@pytest.mark.parametrize("kind", ["rewind", "reset"])
def test_what_was_asked_before_comes_to_nothing(shop, messages, kind):
    shop.run("appended", ids=[1])
    record = shop.store.last_load("shop", "appended")
    fields = {"record_id": record.record_id} if kind == "rewind" else {}
    shop.store.ask(StateRequest("shop", "appended", kind, asked_by="me", **fields))

    shop.run("appended", ids=[2], refresh=Refresh())
    shop.run("appended", ids=[2, 3])

    assert shop.rows("appended") == [(2, 1), (3, 1)]
    assert f"the {kind} that me asked for comes to nothing" in messages()


def test_a_rewind_in_a_refreshed_history_takes_scd2_rows_as_they_are(shop):
    shop.run("historized", ids=[1, 2])
    shop.run("historized", ids=[1, 2, 3])
    record = shop.store.last_load("shop", "historized")
    shop.store.ask(
        StateRequest("shop", "historized", "rewind", asked_by="me", record_id=record.record_id)
    )

    shop.run("historized", ids=[1, 2, 3, 4])

    assert shop.rows("historized") == [(1, 1), (2, 1), (3, 1), (4, 1)]


def test_every_resource_of_a_task_is_refreshed_at_once(shop):
    shop.run(*ROOTS, ids=[1, 2], task_key="all")

    shop.run(*ROOTS, ids=[2, 3], version=2, task_key="all", refresh=Refresh())
    shop.run(*ROOTS, ids=[2, 3, 4], version=2, task_key="all")

    for name in ROOTS:
        assert shop.rows(name) == [(2, 2), (3, 2), (4, 2)]
