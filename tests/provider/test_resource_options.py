"""`resource_options` of a Dag and a group: checked when parsed, planned with, and loaded with."""

SHOP = 'DltDag("{dag_id}", "shop_source:shop", resource_options={options})'

MERGED = """{
    "orders": {"write_disposition": "replace", "table_name": "sales", "max_table_nesting": 0},
    "c*": {"limit": 1},
}"""


def asset_names(task):
    return [asset.name for asset in task.outlets]


def test_options_are_in_the_plan_and_in_the_tables(dag_folder, run_dag, table_rows):
    dag = dag_folder.dag(f"dag = {SHOP.format(dag_id='opted', options=MERGED)}")

    assert asset_names(dag.resource_tasks["orders"]) == ["opted/opted/sales"]
    facts = dag.get_task("orders").planned_resources
    assert facts[0]["write_disposition"] == "replace"
    for _ in range(2):
        assert run_dag(dag).state == "success"

    assert table_rows("opted", "select count(*) from opted.opted.sales") == [(2,)]
    tables = table_rows("opted", "select table_name from information_schema.tables")
    assert ("sales__lines",) not in tables


def test_options_of_a_group_are_those_of_its_tasks(dag_folder, run_dag, table_rows):
    dag = dag_folder.dag(f"""
with DAG("grouped_options") as dag:
    DltTaskGroup(
        "load", "shop_source:shop", pipeline_name="grouped_options", resource_options={MERGED}
    )
""")

    assert asset_names(dag.get_task("load.orders")) == ["grouped_options/grouped_options/sales"]
    assert run_dag(dag).state == "success"
    query = "select count(*) from grouped_options.grouped_options.sales"
    assert table_rows("grouped_options", query) == [(2,)]


def test_a_mistake_is_one_readable_import_error(dag_folder):
    error = dag_folder.error(
        f"dag = {SHOP.format(dag_id='wrong', options={'orders': {'limt': 1}})}"
    )

    assert "PlanError: resource_options.orders.limt is unknown (did you mean 'limit'?)" in error
    assert "pydantic" not in error


def test_a_resource_that_is_not_there_is_an_import_error(dag_folder):
    error = dag_folder.error(
        f"dag = {SHOP.format(dag_id='wrong', options={'order': {'limit': 1}})}"
    )

    assert "resource_options names 'order', which matches no resource" in error
    assert "did you mean 'orders'?" in error


def test_a_dag_with_options_is_parsed_without_dlt(dag_folder, run_python):
    path = dag_folder.write_dag(f"dag = {SHOP.format(dag_id='parsed', options=MERGED)}")
    code = f"""
import runpy, sys
dag = runpy.run_path({str(path)!r})["dag"]
print("dlt" in sys.modules, sorted(dag.task_dict))
"""
    run_python(code)

    assert run_python(code).splitlines()[-1] == (
        "False ['customers', 'finish', 'orders', 'prices']"
    )
