"""What is said of a source without Python, in the plan and in the tables that it becomes."""

from dataclasses import replace
from datetime import date, datetime, timezone

import pytest

from airflow_dlt_provider.core.errors import (
    PlanError,
    ResourceNotFoundError,
    TableConflictError,
    TerminalLoadError,
)
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.planning.fingerprint import question_of
from airflow_dlt_provider.core.planning.source_import import build_sources
from airflow_dlt_provider.core.source_options import SourceOptions
from airflow_dlt_provider.core.spec import PlanSpec, Refresh, Registration, SourceSpec, Window
from tests.core.optioned_shop import SHOP, Shop

DECOMPOSITIONS = pytest.mark.parametrize("decompose", ["resource", "component", "none"])


@pytest.fixture(autouse=True)
def my_shop(write_module):
    write_module("my_shop.py", SHOP)


@pytest.fixture
def shop(plan, load):
    return Shop(plan, load)


@pytest.fixture
def build(base_dir):
    """Build the shop as tasks do, and return its sources."""

    def build(said, source="my_shop:shop", **fields):
        return build_sources(
            SourceSpec(source, base_dir, options=SourceOptions.model_validate(said), **fields)
        )

    return build


def of_orders(**said):
    return {"resource_options": {"orders": said}}


@DECOMPOSITIONS
def test_a_disposition_of_one_resource_holds_in_plan_and_tables(shop, decompose):
    shop.decompose = decompose
    said = of_orders(write_disposition="merge", primary_key="id")

    assert shop.planned(said).write_disposition == "merge"
    assert shop.planned(said).declared.primary_key == ("id",)
    shop.run(said, upto=3)
    shop.run(said, upto=4)

    assert shop.rows("orders", "id, upto") == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert shop.rows("orders__lines", "sku") == [1, 2, 3, 4]
    assert len(shop.rows("customers")) == 7, "nothing was said of the others"


@DECOMPOSITIONS
def test_a_disposition_of_the_source_holds_where_a_resource_says_no_other(shop, decompose):
    shop.decompose = decompose
    said = {"write_disposition": "replace", **of_orders(write_disposition="append")}

    shop.run(said, upto=3)
    shop.run(said, upto=2)

    assert shop.rows("orders") == [1, 1, 2, 2, 3]
    assert shop.rows("customers") == shop.rows("invoices") == [1, 2]
    assert shop.planned(said, "customers").write_disposition == "replace"


def test_a_disposition_may_have_a_strategy(shop):
    said = of_orders(
        write_disposition={
            "disposition": "merge",
            "strategy": "scd2",
            "validity_column_names": ["since", "until"],
        }
    )

    assert shop.planned(said).write_disposition == "scd2"
    shop.run(said, upto=2)
    shop.run(said, upto=1)

    assert shop.rows("orders", "id, upto, until IS NULL") == [
        (1, 1, True),
        (1, 2, False),
        (2, 2, False),
    ]


def test_a_mapping_that_says_replace_is_the_plain_word_for_dlt(build):
    (source,) = build(of_orders(write_disposition={"disposition": "replace"}))

    # what else it were, a replace would not reset the cursor (dlt 1.31)
    assert source.resources["orders"].write_disposition == "replace"


@pytest.mark.parametrize("keys", ["id", ["id", "upto"]])
def test_keys_may_be_one_name_or_several(shop, keys):
    said = of_orders(write_disposition="merge", merge_key=keys)

    shop.run(said, upto=2)
    shop.run(said, upto=3)

    doubled = [1, 2, 3] if keys == "id" else [1, 1, 2, 2, 3]
    assert shop.rows("orders") == doubled


def test_columns_decide_on_types_before_data_is_loaded(shop):
    said = of_orders(
        columns={
            "price": {"data_type": "decimal", "precision": 10, "scale": 2},
            "comment": {"data_type": "text"},
        }
    )

    assert shop.planned(said).declared.columns == {"price": "decimal", "comment": "text"}
    shop.run(said)

    assert shop.columns("orders")["price"] == "DECIMAL(10,2)"
    assert shop.columns("orders")["comment"] == "VARCHAR", "a column without values is made"


def test_a_table_may_have_another_name(shop):
    said = of_orders(table_name="Sales Orders")

    assert shop.planned(said).table_name == "sales_orders"
    shop.run(said)

    assert shop.rows("sales_orders") == [1, 2, 3]
    assert "orders" not in shop.tables()


def test_a_table_name_that_another_resource_has_is_found_while_planning(shop):
    said = {"write_disposition": "replace", **of_orders(table_name="customers")}

    with pytest.raises(TableConflictError, match="'customers'"):
        shop.plan(said)


@DECOMPOSITIONS
@pytest.mark.parametrize(
    ("said", "nested"),
    [
        ({"max_table_nesting": 1}, {"orders__lines", "invoices__lines"}),
        ({"max_table_nesting": 0, **of_orders(max_table_nesting=1)}, {"orders__lines"}),
    ],
)
def test_nesting_is_limited_for_the_source_and_the_resource_wins(shop, decompose, said, nested):
    shop.decompose = decompose

    shop.run(said)

    assert shop.tables() - {"orders", "customers", "invoices"} == nested


@DECOMPOSITIONS
def test_a_root_key_is_in_all_nested_tables_from_the_first_load(shop, decompose):
    shop.decompose = decompose

    shop.run({"root_key": True})

    for table in ("orders__lines", "orders__lines__bits", "invoices__lines"):
        assert "_dlt_root_id" in shop.columns(table)
    # and so a merge may be asked for later
    merge = of_orders(write_disposition="merge", primary_key="id")
    shop.run({"root_key": True, **merge}, upto=4)
    assert shop.rows("orders__lines", "sku") == [1, 2, 3, 4]


@pytest.mark.parametrize("contract", ["freeze", {"columns": "freeze"}])
def test_a_contract_stops_what_a_source_adds(shop, contract, write_module):
    said = of_orders(schema_contract=contract)
    shop.run(of_orders())
    write_module("my_shop.py", SHOP.replace('"upto": upto,\n        "lines"', '"more": 1, "lines"'))

    with pytest.raises(TerminalLoadError, match="more"):
        shop.run(said, resources=("orders",))

    assert "more" not in shop.columns("orders")


def test_a_limit_counts_rows_also_of_what_feeds_a_transformer(shop):
    shop.run(of_orders(limit=2))

    assert shop.rows("orders") == shop.rows("invoices") == [1, 2]
    assert shop.rows("customers") == [1, 2, 3]


def test_a_limit_of_a_transformer_is_refused_and_a_pattern_leaves_it_out(shop):
    with pytest.raises(PlanError, match=r"'invoices'.*limit the resource that feeds it"):
        shop.plan({"resource_options": {"invoices": {"limit": 1}}})

    shop.run({"resource_options": {"*s": {"limit": 1}}})

    assert shop.rows("orders") == shop.rows("invoices") == [1]
    assert shop.rows("customers") == [1, 2, 3], "a page is loaded whole"


@pytest.mark.parametrize(
    ("cursor", "initial", "decompose"),
    [
        ("day", date(2026, 1, 2), "resource"),
        ("text", "2026-01-02", "component"),
        ("at", datetime(2026, 1, 2, tzinfo=timezone.utc), "none"),
        ("naive", datetime(2026, 1, 2), "resource"),
        ("id", 2, "none"),
    ],
)
def test_a_cursor_goes_on_in_the_second_run_on_a_fresh_worker(shop, decompose, cursor, initial):
    shop.decompose = decompose
    said = of_orders(
        write_disposition="append",
        incremental={"cursor_path": cursor, "initial_value": initial},
        primary_key="id",
    )

    assert shop.planned(said).cursor_path == cursor
    shop.run(said, upto=3)
    shop.run(said, upto=5)

    assert shop.rows("orders", "id, upto") == [(2, 3), (3, 3), (4, 5), (5, 5)]


CURSORS = """
from datetime import date, datetime, timezone
import dlt

@dlt.source
def cursors():
    @dlt.resource
    def texts(new=dlt.sources.incremental("at", initial_value="2026-01-01T00:00:00Z")):
        yield [{"at": f"2026-01-{day:02}T12:00:00Z"} for day in (1, 2, 3)]

    @dlt.resource
    def dates(new=dlt.sources.incremental("at", initial_value=date(2026, 1, 1))):
        yield [{"at": date(2026, 1, day)} for day in (1, 2, 3)]

    @dlt.resource
    def moments(new: dlt.sources.incremental[datetime] = dlt.sources.incremental("at")):
        yield [{"at": datetime(2026, 1, day, tzinfo=timezone.utc)} for day in (1, 2, 3)]

    @dlt.resource
    def naive(new=dlt.sources.incremental("at", initial_value=datetime(2026, 1, 1))):
        yield [{"at": datetime(2026, 1, day)} for day in (1, 2, 3)]

    @dlt.resource
    def keyed(new=dlt.sources.incremental("at", primary_key=(), on_cursor_value_missing="include")):
        yield [{"at": 1}, {"at": None}]

    return texts, dates, moments, naive, keyed
"""


@pytest.mark.parametrize("value", ["2026-01-02", date(2026, 1, 2)])
@pytest.mark.parametrize("name", ["texts", "dates", "moments", "naive"])
def test_an_initial_value_is_read_as_the_source_has_its_cursor(
    write_module, load, shop, name, value
):
    write_module("cursors.py", CURSORS)
    incremental = {"cursor_path": "at", "initial_value": value}

    options = {"resource_options": {name: {"incremental": incremental}}}
    load("cursors:cursors", name, options=SourceOptions.model_validate(options))

    assert shop.rows(name, "count(*)") == [2]


COLUMNS = """
from datetime import datetime
import dlt

@dlt.source
def reflected():
    rows = [{"at": datetime(2026, 1, day)} for day in (1, 2, 3)]
    columns = {"at": {"data_type": "timestamp", "timezone": False}}
    return dlt.resource(rows, name="rows", columns=columns)
"""


def test_a_date_is_a_point_in_time_where_the_column_has_points_in_time(write_module, load, shop):
    write_module("reflected.py", COLUMNS)
    incremental = {"cursor_path": "at", "initial_value": date(2026, 1, 2)}
    options = {"resource_options": {"rows": {"incremental": incremental}}}

    load("reflected:reflected", "rows", options=SourceOptions.model_validate(options))

    assert shop.rows("rows", "count(*)") == [2]


def test_a_cursor_that_was_said_takes_a_window(shop, load):
    said = of_orders(
        write_disposition="merge", primary_key="id", incremental={"cursor_path": "day"}
    )
    shop.run(said, upto=5)
    request = load.request(
        "my_shop:shop", "orders", kwargs={"upto": 6}, options=SourceOptions.model_validate(said)
    )
    days = Window(*(datetime(2026, 1, day, tzinfo=timezone.utc) for day in (2, 4)))

    load_task(replace(request, window=days), load.store)

    assert shop.rows("orders", "id, upto") == [(1, 5), (2, 6), (3, 6), (4, 5), (5, 5)]


def test_what_is_not_said_of_a_cursor_stays_as_the_source_has_it(write_module, build):
    write_module("cursors.py", CURSORS)
    said = {"resource_options": {"keyed": {"incremental": {"cursor_path": "at", "lag": 5}}}}

    (source,) = build(said, "cursors:cursors")

    incremental = source.resources["keyed"].incremental.incremental
    assert (incremental.lag, incremental.on_cursor_value_missing) == (5, "include")
    assert incremental.primary_key == ()


def test_a_cursor_keeps_the_type_that_the_source_declares(write_module, build):
    write_module("cursors.py", CURSORS)
    said = {"resource_options": {"moments": {"incremental": {"cursor_path": "at", "lag": 5}}}}

    (source,) = build(said, "cursors:cursors")

    incremental = source.resources["moments"].incremental.incremental
    assert incremental.get_incremental_value_type() is datetime


def test_another_cursor_has_nothing_of_the_one_that_the_source_has(write_module, build):
    write_module("cursors.py", CURSORS)
    said = {"resource_options": {"texts": {"incremental": {"cursor_path": "id"}}}}

    (source,) = build(said, "cursors:cursors")

    assert source.resources["texts"].incremental.incremental.initial_value is None


def test_formats_are_told_to_dlt(build):
    (source,) = build(of_orders(table_format="native", file_format="jsonl"))

    schema = source.resources["orders"].compute_table_schema()
    assert (schema["table_format"], schema["file_format"]) == ("native", "jsonl")


def test_a_parallel_resource_loads_the_same_rows(shop):
    shop.run({"resource_options": {"*": {"parallelized": True}}})

    assert shop.rows("orders") == shop.rows("customers") == shop.rows("invoices") == [1, 2, 3]


WHERE = """
import threading
import dlt

def row():
    return {"thread": threading.current_thread().name}

@dlt.source
def threads():
    @dlt.resource
    def plain():
        yield [row()]

    @dlt.resource
    def with_cursor(new=dlt.sources.incremental("thread")):
        yield [row()]

    @dlt.resource
    def bound(text):
        yield [row()]

    @dlt.resource(parallelized=True)
    def parallel():
        yield [row()]

    return plain, with_cursor, bound("a"), parallel

@dlt.source
def listed():
    return dlt.resource([1], name="listed")
"""


@pytest.mark.parametrize("name", ["plain", "with_cursor", "bound", "parallel"])
def test_a_parallel_resource_is_extracted_in_another_thread(write_module, load, name):
    write_module("threads.py", WHERE)
    options = SourceOptions.model_validate({"resource_options": {name: {"parallelized": True}}})

    load("threads:threads", name, options=options)

    ((row,),) = load.tables().values()
    assert "MainThread" not in dict(row)["thread"]


def test_what_cannot_be_parallel_is_refused_where_it_is_named(write_module, build):
    write_module("threads.py", WHERE)

    with pytest.raises(PlanError, match=r"resource_options\['listed'\]"):
        build({"resource_options": {"listed": {"parallelized": True}}}, "threads:listed")

    build({"resource_options": {"*": {"parallelized": True}}}, "threads:listed")


def test_of_several_entries_that_fit_later_ones_win_key_by_key(shop):
    said = {
        "resource_options": {
            "*": {"write_disposition": "replace", "primary_key": "upto"},
            "o*": {"write_disposition": "merge"},
            "orders": {"primary_key": ["id"]},
        }
    }

    orders, customers = shop.planned(said), shop.planned(said, "customers")

    assert (orders.write_disposition, orders.declared.primary_key) == ("merge", ("id",))
    assert (customers.write_disposition, customers.declared.primary_key) == ("replace", ("upto",))


def test_what_a_pattern_says_is_taken_back_by_null(shop):
    said = {"resource_options": {"*s": {"table_name": "all"}, "*": {"table_name": None}}}

    assert shop.planned(said).table_name == "orders"


def test_an_option_of_a_resource_that_is_not_there_names_those_that_are(shop):
    with pytest.raises(ResourceNotFoundError) as raised:
        shop.plan({"resource_options": {"order": {"limit": 1}}})

    assert str(raised.value) == (
        "resource_options names 'order', which matches no resource; there are: orders, customers, "
        "invoices (did you mean 'orders'?)"
    )


def test_of_several_sources_an_option_names_the_source_too(shop, build):
    said = {"resource_options": {"branch__orders": {"write_disposition": "merge"}}}

    planned = {
        task.key: task.resources[0].write_disposition
        for task in shop.plan(said, source="my_shop:both").tasks
    }

    assert planned["branch__orders"] == "merge"
    assert planned["shop__orders"] == "append"
    with pytest.raises(ResourceNotFoundError, match="branch__orders"):
        build({"resource_options": {"orders": {"limit": 1}}}, "my_shop:both")


def test_options_have_the_last_word_after_configure(build):
    def configure(source):
        source.resources["orders"].apply_hints(write_disposition="merge", table_name="mine")
        return source

    (source,) = build(of_orders(write_disposition="replace"), configure=configure)

    orders = source.resources["orders"]
    assert (orders.write_disposition, orders.table_name) == ("replace", "mine")


def test_what_dlt_refuses_names_the_resource(build):
    said = of_orders(
        write_disposition={
            "disposition": "merge",
            "strategy": "scd2",
            "boundary_timestamp": "yesterday",
        }
    )

    with pytest.raises(PlanError, match=r"resource_options\['orders'\]: .*boundary_timestamp"):
        build(said)


def test_another_option_is_another_question_to_a_manifest(shop, plan):
    first = plan("my_shop:shop", options=SourceOptions.model_validate(of_orders(limit=1)))
    again = plan("my_shop:shop", options=SourceOptions.model_validate(of_orders(limit=1)))
    other = plan("my_shop:shop", options=SourceOptions.model_validate(of_orders(limit=2)))

    assert [item.origin for item in (first, again, other)] == ["source", "manifest", "source"]


@pytest.mark.parametrize("changed", [{"registration": "name"}, {"source_conn_id": "my_postgres"}])
def test_another_registration_or_connection_is_another_question(base_dir, changed):
    if "registration" in changed:
        changed = {"registration": Registration("my_shop", base_dir)}
    spec = PlanSpec(SourceSpec("my_shop:shop", base_dir))
    other = PlanSpec(SourceSpec("my_shop:shop", base_dir, **changed))

    assert question_of(spec) != question_of(other)


def test_where_a_cursor_starts_is_shown_if_it_was_said(shop):
    said = of_orders(incremental={"cursor_path": "text", "initial_value": "2026-01-02"})

    assert shop.planned(said).initial_value == "2026-01-02"


@pytest.mark.parametrize("decompose", ["resource", "none"])
@pytest.mark.parametrize(
    "later",
    [{"root_key": True}, of_orders(write_disposition="merge", primary_key="id")],
    ids=["root_key", "merge"],
)
def test_a_root_key_after_an_append_load_stops_before_anything_is_loaded(shop, decompose, later):
    shop.decompose = decompose
    shop.run({})

    with pytest.raises(TerminalLoadError) as raised:
        shop.run(later, upto=4)

    message = str(raised.value)
    assert "'orders'" in message
    assert "orders__lines, orders__lines__bits hold rows" in message
    assert "refresh_mode drop_resources" in message
    assert shop.rows("orders") == [1, 2, 3]
    # nothing is left behind of it
    shop.run({}, upto=1)
    assert shop.rows("orders") == [1, 1, 2, 3]


def test_a_merge_after_an_append_load_needs_no_root_key_without_nested_rows(shop):
    shop.run({"max_table_nesting": 0})

    merge = of_orders(write_disposition="merge", primary_key="id")
    shop.run({"max_table_nesting": 0, **merge}, upto=4)

    assert shop.rows("orders") == [1, 2, 3, 4]


def test_a_refresh_that_drops_the_tables_gives_them_their_root_key(shop, load):
    shop.run({})
    options = SourceOptions.model_validate(of_orders(write_disposition="merge", primary_key="id"))
    request = load.request("my_shop:shop", "orders", kwargs={"upto": 2}, options=options)

    load_task(replace(request, refresh=Refresh("drop_resources")), load.store)
    shop.run(of_orders(write_disposition="merge", primary_key="id"), upto=3)

    assert shop.rows("orders__lines", "sku") == [1, 2, 3]


def test_tables_that_get_no_rows_any_more_are_warned_of_once(shop, messages, caplog):
    shop.run({})
    shop.run({"max_table_nesting": 0}, resources=("orders",))

    assert "tables orders__lines, orders__lines__bits get no rows any more" in messages()
    caplog.clear()
    shop.run({"max_table_nesting": 0}, resources=("orders",))
    assert "no rows any more" not in messages()
