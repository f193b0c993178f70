"""What is said of a load that is unlike those before."""

import itertools
from dataclasses import replace

import pytest

from airflow_dlt_provider.core.loading.anomalies import row_anomaly, schema_drift
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.loading.result import LoadResult, ResourceLoad
from airflow_dlt_provider.core.spec import Refresh, RunIdentity
from airflow_dlt_provider.core.state.records import LoadRecord, RecentLoad, ResourceState
from tests.core.dated_shop import window

SHOP = """
from datetime import datetime, timezone
import dlt

@dlt.source
def shop(rows):
    @dlt.resource(write_disposition="replace")
    def replaced():
        yield rows

    @dlt.resource(write_disposition="append")
    def appended():
        yield rows

    @dlt.resource(write_disposition="append")
    def with_cursor(new=dlt.sources.incremental("id")):
        yield rows

    @dlt.resource(write_disposition="append")
    def with_note():
        state = dlt.current.resource_state()
        state["last"] = len(rows)
        yield rows

    @dlt.transformer(data_from=with_cursor, write_disposition="append")
    def fed(items):
        yield items

    @dlt.resource(write_disposition="merge", primary_key="id")
    def merged(new=dlt.sources.incremental(
        "at", initial_value=datetime(2026, 1, 1, tzinfo=timezone.utc)
    )):
        yield [row | {"at": datetime(2026, 1, row["id"], tzinfo=timezone.utc)} for row in rows]

    return replaced, appended, with_cursor, with_note, fed, merged
"""

FEW = "table replaced got 4 rows, 40 % of the 10 of the last ordinary load"


@pytest.fixture(autouse=True)
def my_shop(write_module):
    write_module("my_shop.py", SHOP)


@pytest.fixture
def load_rows(load):
    """Load rows as a task of a run of its own; return the warnings."""
    runs = itertools.count()

    def load_rows(name, rows, **fields):
        if isinstance(rows, int):
            rows = [{"id": n, "tags": [{"of": n}]} for n in range(1, rows + 1)]
        request = load.request("my_shop:shop", name, kwargs={"rows": rows})
        run = fields.pop("run", RunIdentity("shop_dag", f"run_{next(runs)}"))
        result = load_task(replace(request, run=run, **fields), load.store)
        return [warning for item in result.resources for warning in item.warnings]

    return load_rows


@pytest.mark.parametrize(
    ("rows", "share"), [(4, "40 %"), (5, None), (30, None), (31, "310 %"), (0, "0 %")]
)
def test_far_fewer_or_far_more_rows_than_before_are_told(load_rows, messages, rows, share):
    load_rows("replaced", 10)

    warnings = load_rows("replaced", rows)

    expected = f"table replaced got {rows} rows, {share} of the 10 of the last ordinary load"
    assert warnings == ([expected] if share else [])
    assert (f"Resource replaced: {expected}" in messages()) == bool(share)


def test_rows_of_an_append_are_compared_with_those_that_the_load_before_appended(load_rows):
    load_rows("appended", 10)

    assert load_rows("appended", 10) == []
    assert load_rows("appended", 4) == [FEW.replace("replaced", "appended")]


@pytest.mark.parametrize("name", ["with_cursor", "with_note", "fed"])
def test_a_resource_that_brings_what_is_new_may_bring_any_number_of_rows(load_rows, name):
    load_rows(name, 10)

    assert load_rows(name, 11) == []


def test_a_full_refresh_is_neither_told_of_nor_compared_with(load_rows):
    load_rows("replaced", 10)

    assert load_rows("replaced", 2, refresh=Refresh()) == []
    assert load_rows("replaced", 4) == [FEW]


def test_a_window_is_not_told_of(load_rows):
    load_rows("merged", 10)

    assert load_rows("merged", 10, window=window(2, 3)) == []


def test_a_load_after_one_without_rows_is_compared_with_the_last_that_had_some(load_rows):
    load_rows("replaced", 10)
    load_rows("replaced", 0)

    assert load_rows("replaced", 10) == []


def test_new_columns_and_tables_are_told(load_rows, messages):
    load_rows("replaced", [{"id": 1}])

    warnings = load_rows("replaced", [{"id": 1, "name": "a", "price": 2, "tags": [{"of": 1}]}])

    assert warnings == [
        "table replaced has new columns: name, price",
        "table replaced__tags is new",
    ]
    assert "Resource replaced: table replaced__tags is new" in messages()
    assert load_rows("replaced", [{"id": 1}]) == []


def test_values_of_another_type_are_told_with_the_column_that_they_are_in(load_rows):
    load_rows("appended", [{"id": 1, "price": 2}])

    (warning,) = load_rows("appended", [{"id": 1, "price": "two"}])

    assert warning == (
        "table appended has values of another type in column price; they are in the new column "
        "price__v_text, as text"
    )


@pytest.mark.parametrize("first", [[], [{"id": 1}]])
def test_the_first_load_with_rows_has_nothing_new(load_rows, first):
    assert load_rows("replaced", first) == []
    assert load_rows("replaced", [{"id": 1}]) == []


def test_the_ledger_keeps_what_was_told_and_how_many_rows_there_were(load_rows, load):
    load_rows("replaced", 10)
    load_rows("replaced", 4)

    assert load.store.last_load("shop", "replaced").warnings == [FEW]
    recent = load.store.read_resources("shop", ["replaced"])["replaced"].recent
    assert [(item.kind, item.root_rows, item.rows) for item in recent] == [
        ("load", 10, 20),
        ("load", 4, 8),
    ]


def test_a_try_that_only_says_what_another_did_says_its_warnings(load_rows, load):
    load_rows("replaced", 10)
    load_rows("replaced", 4, run=RunIdentity("shop_dag", "cut_off", 1, max_tries=1))

    again = load_rows("replaced", 9, run=RunIdentity("shop_dag", "cut_off", 2, max_tries=1))

    assert again == [FEW]


def loaded(rows, kind="load"):
    return ResourceLoad("a", "a", {"a": rows, "a__b": 100}, {}, {}, kind=kind)


def recent(*root_rows, kind="load"):
    return [RecentLoad(0.0, 1000, 1.0, "run", kind, rows) for rows in root_rows]


@pytest.mark.parametrize(
    "before", [[], recent(None), recent(0), recent(10, kind="refresh"), recent(100, 10)]
)
def test_without_a_load_to_compare_with_nothing_is_told(before):
    assert row_anomaly(loaded(10), before) == []


def test_the_newest_ordinary_load_is_the_one_to_compare_with():
    before = [*recent(10), *recent(100), *recent(10, kind="backfill")]

    assert row_anomaly(loaded(10), before) == [
        "table a got 10 rows, 10 % of the 100 of the last ordinary load"
    ]


def test_columns_of_dlts_own_are_no_drift():
    before = {"a": {"columns": {"id": {}}}}
    after = {"a": {"columns": {"id": {}, "_dlt_root_id": {}}}}

    assert schema_drift(before, after) == []


def test_a_column_that_only_looks_like_a_variant_is_a_new_one():
    before = {"a": {"columns": {"id": {}}}}
    after = {"a": {"columns": {"id": {}, "other__v_text": {}}}}

    assert schema_drift(before, after) == ["table a has new columns: other__v_text"]


def test_documents_of_an_older_version_are_read():
    load = ResourceLoad("a", "a", {"a": 1}, {}, {}, warnings=["odd"])
    result = LoadResult("p", "d", "duckdb", ("1",), (load,), {})
    document = result.to_dict()
    assert LoadResult.from_dict(document) == result
    del document["resources"][0]["warnings"]
    assert LoadResult.from_dict(document).resources[0].warnings == []

    record = LoadRecord("p", "a", "dag", "run", 1, ("1",), {}, {}, {}, {}, 0.0).to_dict()
    del record["warnings"]
    assert LoadRecord.from_dict(record).warnings == []

    state = ResourceState("p", "a", "p__a", 1, (), {}, recent=(RecentLoad(0.0, 1, 1.0, "r"),))
    old = state.to_dict()
    old["recent"] = [{"recorded_at": 0.0, "rows": 1, "seconds": 1.0, "run_id": "r", "later": 1}]
    assert ResourceState.from_dict(old).recent[0].root_rows is None
