"""What `configure` and the source itself do to a source, in every task that it becomes."""

import pytest

from airflow_dlt_provider.core.errors import TerminalLoadError
from tests.core.optioned_shop import SHOP, Shop

DECOMPOSITIONS = pytest.mark.parametrize("decompose", ["resource", "component", "none"])

CONFIGURE = """
import dlt

def mapped(source):
    source.resources["orders"].add_map(lambda row: row | {"id": row["id"] * 10})
    return source

def filtered(source):
    source.orders.add_filter(lambda row: row["id"] > 1)
    return source

def scored_by_attribute(source):
    @dlt.transformer(data_from=source.orders, write_disposition="append")
    def scores(order):
        yield {"id": order["id"], "score": order["id"] * 2, "parts": [{"of": order["id"]}]}

    source.scores = scores
    return source

def scored_by_name(source):
    @dlt.transformer(data_from=source.orders, write_disposition="append")
    def scores(order):
        yield {"id": order["id"], "score": order["id"] * 2, "parts": [{"of": order["id"]}]}

    source.resources["scores"] = scores
    return source

def flat(source):
    source.max_table_nesting = 0
    source.resources["invoices"].max_table_nesting = 1
    return source

def with_root_key(source):
    source.root_key = True
    return source


def typed(source):
    table = dlt.common.schema.utils.new_table(
        "orders", columns=[{"name": "price", "data_type": "decimal", "precision": 10, "scale": 2}]
    )
    source.schema.update_table(table)
    return source
"""

SCHEMA = """
import dlt
from dlt.common.schema import Schema
from dlt.common.schema.utils import new_table

def schema():
    made = Schema("attached")
    columns = [
        {"name": "id", "data_type": "text", "nullable": False},
        {"name": "comment", "data_type": "text"},
    ]
    made.update_table(new_table("orders", columns=columns))
    return made

@dlt.source(
    schema=schema(), schema_contract={"columns": "freeze"}, max_table_nesting=1, root_key=True
)
def shop(more=False):
    @dlt.resource
    def orders():
        yield [{"id": 1, **({"more": 1} if more else {})}]

    @dlt.resource
    def customers():
        yield [{"id": 1, "tags": [{"bits": [1]}]}]

    return orders, customers
"""


@pytest.fixture(autouse=True)
def my_modules(write_module):
    write_module("my_shop.py", SHOP)
    write_module("my_configure.py", CONFIGURE)


@pytest.fixture
def configured(plan, load):
    """Load the shop as it is configured by a function."""

    def run(function, decompose, said=None, **spec):
        shop = Shop(plan, load, configure=f"my_configure:{function}", decompose=decompose)
        shop.run(said or {}, **spec)
        return shop

    return run


@DECOMPOSITIONS
def test_rows_are_changed_in_each_task_that_extracts_them(configured, decompose):
    shop = configured("mapped", decompose)

    assert shop.rows("orders") == shop.rows("invoices") == [10, 20, 30]
    assert shop.rows("customers") == [1, 2, 3]


@DECOMPOSITIONS
def test_rows_are_left_out_in_each_task_that_extracts_them(configured, decompose):
    shop = configured("filtered", decompose)

    assert shop.rows("orders") == shop.rows("invoices") == [2, 3]
    assert shop.rows("orders__lines", "sku") == [2, 3]


@DECOMPOSITIONS
@pytest.mark.parametrize("function", ["scored_by_attribute", "scored_by_name"])
def test_a_transformer_that_is_added_has_a_table_and_a_place_in_the_plan(
    configured, decompose, function
):
    shop = configured(function, decompose)

    assert shop.rows("scores", "id, score") == [(1, 2), (2, 4), (3, 6)]
    assert shop.rows("scores__parts", "of") == [1, 2, 3]
    tasks = {task.key: task.resource_names for task in shop.plan({}).tasks}
    if decompose == "resource":
        assert tasks["scores"] == ("scores",)
    else:
        assert "scores" in tasks["shop" if decompose == "none" else "orders"]


def test_an_option_reaches_a_resource_that_was_added(configured):
    said = {
        "resource_options": {"scores": {"table_name": "points", "write_disposition": "replace"}}
    }

    shop = configured("scored_by_name", "resource", said)

    assert shop.planned(said, "scores").write_disposition == "replace"
    assert shop.rows("points") == [1, 2, 3]


@DECOMPOSITIONS
def test_nesting_of_the_source_and_of_a_resource_holds_in_each_task(configured, decompose):
    shop = configured("flat", decompose)

    assert shop.tables() == {"orders", "customers", "invoices", "invoices__lines"}


@DECOMPOSITIONS
def test_a_root_key_is_there_from_the_first_load_of_each_task(configured, decompose):
    shop = configured("with_root_key", decompose)

    for table in ("orders__lines", "orders__lines__bits", "invoices__lines__bits"):
        assert "_dlt_root_id" in shop.columns(table)


@DECOMPOSITIONS
def test_a_column_of_the_schema_is_typed_before_data_is_loaded(configured, decompose):
    shop = configured("typed", decompose)

    assert shop.columns("orders")["price"] == "DECIMAL(10,2)"


@DECOMPOSITIONS
def test_a_schema_that_is_attached_to_the_source_is_in_each_task(
    write_module, plan, load, decompose
):
    write_module("my_schema.py", SCHEMA)
    shop = Shop(plan, load, source="my_schema:shop", decompose=decompose)

    for task in shop.plan({}).tasks:
        load("my_schema:shop", *task.resource_names, task_key=task.key)

    assert shop.columns("orders")["id"] == shop.columns("orders")["comment"] == "VARCHAR"
    assert shop.tables() == {"orders", "customers", "customers__tags"}
    assert "_dlt_root_id" in shop.columns("customers__tags")


@DECOMPOSITIONS
def test_the_contract_of_a_source_with_a_schema_holds_in_each_task(
    write_module, plan, load, decompose
):
    write_module("my_schema.py", SCHEMA)
    shop = Shop(plan, load, source="my_schema:shop", decompose=decompose)
    tasks = {name: task for task in shop.plan({}).tasks for name in task.resource_names}
    task = tasks["orders"]
    load("my_schema:shop", *task.resource_names, task_key=task.key)

    with pytest.raises(TerminalLoadError, match="more"):
        load("my_schema:shop", *task.resource_names, task_key=task.key, kwargs={"more": True})

    assert "more" not in shop.columns("orders")
