import json
from unittest import mock

import duckdb
import pytest
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext

from airflow_dlt_provider.core.errors import TransientLoadError
from airflow_dlt_provider.core.loading import selected
from airflow_dlt_provider.core.loading.result import LoadResult, ResourceLoad


@pytest.fixture
def load_shop(load, sources_dir):
    def load_shop(*resources, batch=1, **request):
        return load(
            "shop:shop", *resources, kwargs={"batch": batch}, base_dir=sources_dir, **request
        )

    return load_shop


def test_the_result_tells_rows_of_every_table_nested_ones_included(load_shop):
    result = load_shop("orders")

    (orders,) = result.resources
    assert orders.resource_name == orders.table_name == "orders"
    assert orders.rows_by_table == {
        "orders": 3,
        "orders__lines": 6,
        "orders__lines__serials": 6,
    }
    assert next(iter(orders.rows_by_table)) == "orders"
    assert orders.rows == result.rows == 15


def test_the_result_tells_rows_of_dispatched_tables(load_shop):
    (events,) = load_shop("events").resources

    assert events.rows_by_table == {"event_click": 1, "event_view": 1}


def test_a_transformers_result_leaves_its_parents_rows_out(load_shop, load):
    result = load_shop("invoices")

    assert [item.resource_name for item in result.resources] == ["invoices"]
    assert result.resources[0].rows_by_table["invoices"] == 3
    assert "orders" not in load.tables()


def test_the_result_tells_the_cursor_before_and_after(load_shop):
    first = load_shop("orders", batch=1).resources[0]
    second = load_shop("orders", batch=2).resources[0]

    assert first.cursor_before.get("number") in (None, 0)
    assert first.cursor_after == {"number": 3}
    assert second.cursor_before == {"number": 3}
    assert second.cursor_after == {"number": 6}


def test_a_cursor_that_is_a_time_is_told_as_json(load, write_module):
    write_module(
        "times.py",
        "import dlt, datetime\n"
        "@dlt.resource\n"
        "def times(at=dlt.sources.incremental('at')):\n"
        "    yield {'at': datetime.datetime(2013, 1, 1, tzinfo=datetime.timezone.utc)}\n",
    )

    result = load("times:times")

    cursor = json.loads(json.dumps(result.resources[0].cursor_after))
    assert cursor == {"at": "2013-01-01T00:00:00+00:00"}


def test_the_result_names_pipeline_dataset_destination_and_steps(load_shop):
    result = load_shop("orders", dataset_name="raw")

    assert result.pipeline_name == "shop__orders"
    assert (result.dataset_name, result.destination) == ("raw", "duckdb")
    assert set(result.seconds_by_step) == {"restore", "extract", "normalize", "load"}
    assert result.seconds == pytest.approx(sum(result.seconds_by_step.values()))
    assert min(result.seconds_by_step.values()) >= 0


def test_the_load_ids_are_those_of_the_destination(load_shop, load):
    result = load_shop("orders")

    with duckdb.connect(str(load.data_dir / "shop.duckdb"), read_only=True) as connection:
        ids = connection.execute("SELECT load_id FROM shop.shop._dlt_loads").fetchall()
    assert [(load_id,) for load_id in result.load_ids] == ids


def test_every_task_has_a_pipeline_and_a_schema_of_its_own(load_shop, load):
    load_shop("orders")
    load_shop("customers")

    with duckdb.connect(str(load.data_dir / "shop.duckdb"), read_only=True) as connection:
        schemas = connection.execute(
            "SELECT DISTINCT schema_name FROM shop.shop._dlt_version ORDER BY ALL"
        ).fetchall()
        pipelines = connection.execute(
            "SELECT DISTINCT pipeline_name FROM shop.shop._dlt_pipeline_state ORDER BY ALL"
        ).fetchall()
    assert schemas == pipelines == [("shop__customers",), ("shop__orders",)]


def test_a_load_of_nothing_new_adds_no_row_and_keeps_the_cursor(load_shop, load):
    load_shop("orders")
    before = load.tables()

    result = load_shop("orders")

    assert load.tables() == before
    assert result.rows == 0
    assert result.resources[0].rows_by_table == {"orders": 0}
    assert result.resources[0].cursor_after == {"number": 3}


def test_a_resource_that_yields_nothing_is_no_failure(load, write_module):
    write_module("none.py", "import dlt\n@dlt.resource\ndef none():\n    yield from ()")

    result = load("none:none")

    assert result.rows == 0
    assert result.resources[0].rows_by_table == {"none": 0}


@pytest.mark.parametrize("disposition", ["replace", "merge", "append"])
def test_a_second_load_does_what_the_disposition_says(load, write_module, disposition):
    write_module(
        "items.py",
        "import dlt\ndef items(rows):\n"
        "    return dlt.resource([{'id': i, 'n': n} for i, n in rows], name='items',\n"
        f"        primary_key='id', write_disposition={disposition!r})",
    )
    load("items:items", kwargs={"rows": [[1, 1], [2, 1]]})

    load("items:items", kwargs={"rows": [[2, 2], [3, 2]]})

    rows = [tuple(value for _, value in row) for row in load.tables()["items"]]
    assert (
        rows
        == {
            "replace": [(2, 2), (3, 2)],
            "merge": [(1, 1), (2, 2), (3, 2)],
            "append": [(1, 1), (2, 1), (2, 2), (3, 2)],
        }[disposition]
    )


def test_configure_changes_what_is_loaded(load, write_module):
    write_module(
        "items.py",
        "import dlt\ndef items():\n    return dlt.resource([{'id': 1}, {'id': 2}], name='items')\n"
        "def one_row(source):\n    source.resources['items'].add_limit(1)\n    return source",
    )

    result = load("items:items", configure="items:one_row")

    assert result.rows == 1


def test_a_function_of_the_source_may_import_its_neighbours_late(load, write_module):
    write_module("late_neighbour.py", "ROWS = [{'id': 1}]")
    write_module(
        "items.py",
        "import dlt\n@dlt.resource\ndef items():\n"
        "    from late_neighbour import ROWS\n    yield from ROWS",
    )

    assert load("items:items").rows == 1


@pytest.mark.parametrize(
    ("known", "warned"),
    [((), []), (("orders", "customers"), []), (("orders",), ["customers"])],
    ids=["never planned", "as planned", "new"],
)
def test_a_resource_that_is_new_since_the_plan_is_warned_of(load, write_module, known, warned):
    write_module(
        "shop.py",
        "import dlt\ndef shop():\n"
        "    return [dlt.resource([{'id': 1}], name=name) for name in ('orders', 'customers')]",
    )
    with mock.patch.object(selected.log, "warning", autospec=True) as warning:
        load("shop:shop", "orders", known_resources=known)

    assert [call.args[1] for call in warning.call_args_list] == warned


def test_the_working_folder_is_gone_after_a_load(load, sources_dir):
    load("shop:shop", "customers", base_dir=sources_dir)

    assert list((load.folder / "work").iterdir()) == []


def test_the_working_folder_is_gone_after_a_failure(load, write_module):
    write_module(
        "broken.py",
        "import dlt\nfrom pathlib import Path\n@dlt.resource\ndef broken(folder):\n"
        "    assert list(Path(folder).rglob('*.json')), 'dlt works elsewhere'\n"
        "    yield {'id': 1}\n    raise RuntimeError('half way')",
    )

    with pytest.raises(TransientLoadError, match="half way"):
        load("broken:broken", kwargs={"folder": str(load.folder / "work")})

    assert list((load.folder / "work").iterdir()) == []


def test_the_result_comes_out_of_json_as_it_went_in(load_shop):
    result = load_shop("orders", "invoices", task_key="two")

    assert LoadResult.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_every_resource_of_a_load_is_recorded(load_shop, load):
    result = load_shop("orders", "invoices", task_key="two")

    for item in result.resources:
        (record,) = load.store.list_loads("shop", item.resource_name)
        assert (record.dag_id, record.run_id, record.try_number) == ("shop_dag", "run_1", 2)
        assert record.load_ids == result.load_ids
        assert record.rows_by_table == item.rows_by_table
        assert record.cursor_before == item.cursor_before
        assert record.cursor_after == item.cursor_after
        assert record.recorded_at > 0


def test_the_seconds_of_a_load_are_shared_out_among_its_resources(load_shop, load):
    result = load_shop("orders", "invoices", task_key="two")

    records = [load.store.list_loads("shop", name)[0] for name in ("orders", "invoices")]
    for step, seconds in result.seconds_by_step.items():
        assert sum(record.seconds_by_step[step] for record in records) == pytest.approx(seconds)


def test_a_resource_with_more_rows_has_the_larger_share():
    def loaded(rows):
        return ResourceLoad("any", "any", {"any": rows}, {}, {})

    result = LoadResult("p", "d", "duckdb", (), (loaded(0), loaded(8_000), loaded(0)), {})

    assert result.shares() == pytest.approx((1 / 7, 5 / 7, 1 / 7))


def test_a_load_that_failed_is_not_recorded_as_done(load, write_module):
    write_module(
        "broken.py", "import dlt\n@dlt.resource\ndef broken():\n    yield {'id': 1}\n    1 / 0"
    )

    with pytest.raises(TransientLoadError):
        load("broken:broken")

    assert load.store.list_loads("shop", "broken") == []
    assert load.store.list_loads("shop", "all") == []


def test_no_pipeline_is_active_afterwards(load_shop):
    load_shop("customers")

    assert not Container()[PipelineContext].is_active()
