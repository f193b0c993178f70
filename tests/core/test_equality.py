"""Planned tasks and one undecomposed load must leave the same tables behind."""

import importlib.util
import sys
from pathlib import Path

import dlt
import duckdb
import pytest

BATCHES = (1, 2)

PARENTS = {
    "orders__lines": "orders",
    "orders__lines__serials": "orders__lines",
    "customers__tags": "customers",
    "products__sizes": "products",
    "invoices__positions": "invoices",
}


@pytest.fixture(scope="module")
def undecomposed(tmp_path_factory):
    """The file of one pipeline that loads everything, after each batch."""
    folder = tmp_path_factory.mktemp("undecomposed")
    spec = importlib.util.spec_from_file_location(
        "undecomposed_shop", Path(__file__).parent / "sources" / "shop.py"
    )
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")
        patch.setenv("DLT_DATA_DIR", str(folder))
        patch.setitem(sys.modules, "undecomposed_shop", module)
        spec.loader.exec_module(module)
        for batch in BATCHES:
            # the file must not be named like the dataset: DuckDB cannot tell them apart
            file = folder / "reference.duckdb"
            pipeline = dlt.pipeline(
                "undecomposed",
                pipelines_dir=str(folder / "work"),
                destination=dlt.destinations.duckdb(str(file)),
                dataset_name="shop",
            )
            pipeline.run(module.shop(batch))
            pipeline.deactivate()
            (folder / f"batch_{batch}.duckdb").write_bytes(file.read_bytes())
    return folder


@pytest.fixture
def run_plan(plan, load, sources_dir, tmp_path):
    """Plan the shop and load every task of the plan, as one run of a Dag does."""

    def run_plan(decompose, batch):
        planned = plan(
            "shop:shop", base_dir=sources_dir, decompose=decompose, kwargs={"batch": batch}
        )
        for task in planned.plan.tasks:
            load(
                "shop:shop",
                *task.resource_names,
                kwargs={"batch": batch},
                base_dir=sources_dir,
                task_key=task.key,
            )
        return planned.plan

    return run_plan


def assert_nested_rows_have_parents(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        for table, parent in PARENTS.items():
            rows, joined = connection.execute(
                f"SELECT (SELECT count(*) FROM shop.shop.{table}), count(*) "
                f"FROM shop.shop.{table} AS t JOIN shop.shop.{parent} AS p "
                "ON t._dlt_parent_id = p._dlt_id"
            ).fetchone()
            assert rows == joined > 0


@pytest.mark.parametrize(("decompose", "tasks"), [("resource", 8), ("component", 6), ("none", 1)])
def test_the_tables_equal_those_of_one_undecomposed_load_after_every_run(
    run_plan, load, read_tables, undecomposed, decompose, tasks
):
    for batch in BATCHES:
        plan = run_plan(decompose, batch)

        expected = read_tables(undecomposed / f"batch_{batch}.duckdb", "shop")
        assert len(plan.tasks) == tasks
        assert load.tables() == expected
        assert expected.keys() > {"orders__lines__serials", "invoices", "event_view", "stock_north"}
        assert "audit" not in expected
        assert_nested_rows_have_parents(load.data_dir / "shop.duckdb")


def test_a_deselected_resource_is_loaded_when_its_task_names_it(load, sources_dir):
    load("shop:shop", "audit", base_dir=sources_dir)

    assert load.tables() == {"audit": [[("id", 1)]]}


def test_a_task_without_names_loads_what_the_source_selects(
    load, sources_dir, read_tables, undecomposed
):
    load("shop:shop", base_dir=sources_dir)

    assert load.tables() == read_tables(undecomposed / "batch_1.duckdb", "shop")


def test_several_sources_load_as_they_are_planned(write_module, plan, load):
    write_module(
        "pair.py",
        "import dlt\ndef pair():\n"
        "    make = lambda n: dlt.source(\n"
        "        lambda: dlt.resource([{'n': n}], name='rows', table_name=f'rows_{n}'), name=n)()\n"
        "    return [make('one'), make('two')]",
    )

    for task in plan("pair:pair").plan.tasks:
        load("pair:pair", *task.resource_names)
    together = load("pair:pair", "one__rows", "two__rows", task_key="together")

    rows = {name: len(rows) for name, rows in load.tables().items()}
    assert rows == {"rows_one": 2, "rows_two": 2}
    assert [item.resource_name for item in together.resources] == ["one__rows", "two__rows"]
    assert [item.rows_by_table for item in together.resources] == [{"rows_one": 1}, {"rows_two": 1}]
