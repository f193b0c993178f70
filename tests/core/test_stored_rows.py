"""What loads left in a destination, found by the load that wrote it, and taken out."""

import uuid
from contextlib import nullcontext

import dlt
import pytest

from airflow_dlt_provider.core.loading.destination import resolve_destination
from airflow_dlt_provider.core.loading.rows import stored_rows

SCHEMA = ["shop"]


def alone(_table):
    return True


@dlt.source
def shop(first=1):
    @dlt.resource(write_disposition="append")
    def orders():
        yield [{"id": first, "lines": [{"sku": "a", "tags": [{"tag": "x%s"}]}]}, {"id": first + 1}]

    @dlt.resource(write_disposition="merge", primary_key="id")
    def customers():
        yield [{"id": 1, "seen": first, "mails": [{"at": "a"}]}]

    @dlt.resource(write_disposition="replace")
    def prices():
        yield [{"id": first}]

    orders.apply_hints(incremental=dlt.sources.incremental("id"))
    return orders, customers, prices


@pytest.fixture(params=["duckdb", "postgres", "filesystem"])
def pipeline(request, tmp_path):
    """A plain dlt pipeline into a dataset of its own."""
    if request.param == "duckdb":
        destination = resolve_destination(dlt.destinations.duckdb(str(tmp_path / "shop.duckdb")))
    elif request.param == "postgres":
        destination = dlt.destinations.postgres(request.getfixturevalue("postgres_url"))
    else:
        destination = dlt.destinations.filesystem(str(tmp_path / "files"))
    pipeline = dlt.pipeline(
        "shop_pipeline",
        pipelines_dir=str(tmp_path / "work"),
        destination=destination,
        dataset_name=f"rows_{uuid.uuid4().hex[:8]}",
    )
    yield pipeline
    pipeline.deactivate()


@pytest.fixture
def rows(pipeline):
    return stored_rows(pipeline.destination_client(), nullcontext)


@pytest.fixture
def load(pipeline):
    """Load a source and return the load id."""

    def load(source):
        (load_id,) = pipeline.run(source).loads_ids
        return load_id

    return load


def test_a_dataset_that_is_not_there_holds_nothing(rows):
    assert rows.finished_loads(["1700000000.5"]) == frozenset()
    assert rows.unfinished_loads(SCHEMA, alone) == frozenset()
    assert not rows.has_rows("orders")
    assert rows.newest_state("shop_pipeline") is None
    rows.remove_unfinished(SCHEMA, ["1700000000.5"], alone)


def test_a_finished_load_is_known(rows, load):
    load_id = load(shop())

    assert rows.finished_loads([load_id, "1700000000.5"]) == {load_id}
    assert rows.unfinished_loads(SCHEMA, alone) == frozenset()


def test_the_newest_state_is_that_of_the_highest_version(rows, load):
    ids = [load(shop(number)) for number in (1, 3)]

    newest = rows.newest_state("shop_pipeline", ids)

    assert newest["_state_version"] == 2
    assert newest["sources"]["shop"]["resources"]["orders"]["incremental"]["id"]["last_value"] == 4
    assert rows.newest_state("another_pipeline", ids) is None


def test_rows_of_one_load_are_taken_out_of_an_appended_resource_alone(rows, load):
    load(shop(1))
    second = load(shop(3))

    rows.remove_appended(SCHEMA, "orders", [second], appends=True)

    assert rows.has_rows("orders")
    assert rows.has_rows("orders__lines__tags")
    assert rows.has_rows("customers")
    assert rows.finished_loads([second]) == {second}


def test_nested_rows_go_with_the_rows_that_hold_them(rows, load):
    load_id = load(shop())

    rows.remove_appended(SCHEMA, "orders", [load_id], appends=True)

    for table in ("orders", "orders__lines", "orders__lines__tags"):
        assert not rows.has_rows(table)
    assert rows.has_rows("customers__mails")
    assert rows.has_rows("prices")


def test_an_unfinished_load_leaves_nothing_of_itself(rows, load):
    load_id = load(shop())

    rows.remove_unfinished(SCHEMA, [load_id], alone)

    for table in ("orders", "orders__lines", "customers", "customers__mails", "prices"):
        assert not rows.has_rows(table)
    assert rows.finished_loads([load_id]) == frozenset()
    assert rows.newest_state("shop_pipeline", [load_id]) is None


def test_what_an_unfinished_load_merged_stays_for_the_next_to_merge(rows, load, pipeline):
    first = load(shop(1))
    second = load(shop(3))

    rows.remove_unfinished(SCHEMA, [second], alone)

    assert rows.has_rows("customers")
    if pipeline.destination.destination_name != "filesystem":
        # dlt appends what it cannot merge in files
        with pipeline.sql_client() as client:
            found = client.execute_sql(
                f"SELECT seen, _dlt_load_id FROM {client.make_qualified_table_name('customers')}"
            )
        assert found == [(3, first)]


def test_a_table_without_any_row_has_none(rows, load):
    load(shop())

    assert rows.has_rows("orders")
    assert not rows.has_rows("nobody_knows_it")


@pytest.fixture
def sql_of(pipeline):
    """Run a statement with `{table}` in it."""

    def run(statement, table):
        with pipeline.sql_client() as client:
            client.execute_sql(statement.format(table=client.make_qualified_table_name(table)))

    return run


@pytest.mark.parametrize("pipeline", ["duckdb", "postgres"], indirect=True)
def test_rows_of_a_load_without_an_end_are_found(rows, load, sql_of):
    load(shop(1))
    second = load(shop(3))
    sql_of(f"DELETE FROM {{table}} WHERE load_id = '{second}'", "_dlt_loads")

    assert rows.unfinished_loads(SCHEMA, alone) == {second}
    # another task may be loading into it right now
    assert rows.unfinished_loads(SCHEMA, lambda table: table["name"] == "nothing") == frozenset()


@pytest.mark.parametrize("pipeline", ["duckdb", "postgres"], indirect=True)
def test_rows_whose_notes_were_cleared_away_are_left_alone(rows, load, sql_of):
    first = load(shop(1))
    second = load(shop(3))
    sql_of(f"DELETE FROM {{table}} WHERE load_id = '{first}'", "_dlt_loads")
    assert rows.unfinished_loads(SCHEMA, alone) == frozenset()

    sql_of(f"DELETE FROM {{table}} WHERE load_id = '{second}'", "_dlt_loads")
    assert rows.unfinished_loads(SCHEMA, alone) == frozenset()


@pytest.mark.parametrize("pipeline", ["duckdb", "postgres"], indirect=True)
def test_nested_rows_without_a_parent_are_taken_out_where_the_task_is_alone(rows, load, sql_of):
    load(shop(1))
    sql_of("DELETE FROM {table}", "orders")

    rows.remove_unfinished(SCHEMA, [], lambda table: table["name"] != "orders")
    assert rows.has_rows("orders__lines")

    rows.remove_unfinished(SCHEMA, [], alone)
    assert not rows.has_rows("orders__lines")
    assert not rows.has_rows("orders__lines__tags")
    assert rows.has_rows("customers__mails")
