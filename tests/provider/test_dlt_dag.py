"""`DltDag`: which tasks a Dag file gets, and how they are wired."""

import datetime
import json
import runpy

import pytest


def test_a_source_becomes_one_task_per_selected_resource_and_a_finish(dag_folder):
    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop")')

    assert set(dag.task_dict) == {"orders", "customers", "prices", "finish"}
    assert dag.get_task("finish").upstream_task_ids == {"orders", "customers", "prices"}
    assert all(not dag.get_task(name).upstream_task_ids for name in ("orders", "customers"))


def test_a_resource_named_finish_keeps_its_name_and_the_last_task_gives_way(dag_folder):
    dag = dag_folder.dag("""
import dlt
def race():
    return [dlt.resource([1], name="start"), dlt.resource([1], name="finish")]
dag = DltDag("race", race)
""")

    assert set(dag.task_dict) == {"start", "finish", "finish_"}
    assert dag.get_task("finish_").upstream_task_ids == {"start", "finish"}


def test_the_file_of_the_dag_is_the_users_file(dag_folder):
    # Airflow's loader sets `fileloc` itself; `python my_dag.py` does not
    path = dag_folder.write_dag('dag = DltDag("shop", "shop_source:shop")')

    dag = runpy.run_path(str(path))["dag"]

    assert dag.fileloc == str(path)


def test_a_dag_runs_once_at_a_time_and_without_catchup(dag_folder):
    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop", schedule="@daily")')

    assert (dag.max_active_runs, dag.catchup) == (1, False)


def test_what_the_user_says_of_the_dag_wins(dag_folder):
    dag = dag_folder.dag(
        'dag = DltDag("shop", "shop_source:shop", max_active_runs=3, catchup=True, tags=["raw"],'
        ' default_args={"owner": "ann", "retries": 4})'
    )

    assert (dag.max_active_runs, dag.catchup, dag.tags) == (3, True, {"raw"})
    assert (dag.get_task("orders").owner, dag.get_task("orders").retries) == ("ann", 4)


def test_the_finish_task_runs_whatever_happened_and_is_never_retried(dag_folder):
    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop", default_args={"retries": 4})')

    finish = dag.get_task("finish")
    assert (finish.trigger_rule, finish.retries) == ("all_done", 0)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('resources=["orders"]', {"orders"}),
        ('resources=["*s"]', {"orders", "customers", "prices"}),
        ('resources=["archive", "c*"]', {"archive", "customers"}),
        ('exclude=["c*"]', {"orders", "prices"}),
        ('resources=["*r*"], exclude=["prices"]', {"orders", "customers"}),
    ],
)
def test_resources_are_selected_by_name_and_pattern(dag_folder, arguments, expected):
    dag = dag_folder.dag(f'dag = DltDag("shop", "shop_source:shop", {arguments})')

    assert set(dag.task_dict) == {*expected, "finish"}


@pytest.mark.parametrize(
    ("decompose", "expected"),
    [
        ("resource", {"users": ["users"], "posts": ["posts"], "likes": ["likes"]}),
        ("component", {"users": ["users", "posts", "likes"]}),
    ],
)
def test_decompose_decides_what_a_task_loads(dag_folder, decompose, expected):
    dag = dag_folder.dag(f'dag = DltDag("tree", "shop_source:tree", decompose="{decompose}")')

    assert set(dag.task_dict) == {*expected, "alone", "finish"}
    for task_id, resource_names in expected.items():
        assert sorted(dag.get_task(task_id).resource_names) == sorted(resource_names)


def test_decompose_none_is_one_task_named_after_the_source(dag_folder):
    dag = dag_folder.dag('dag = DltDag("tree", "shop_source:tree", decompose="none")')

    assert set(dag.task_dict) == {"tree", "finish"}
    assert set(dag.get_task("tree").resource_names) == {"users", "posts", "likes", "alone"}


def test_task_options_reach_tasks_by_pattern_and_later_entries_win(dag_folder):
    dag = dag_folder.dag("""
from datetime import timedelta
dag = DltDag("shop", "shop_source:shop", task_options={
    "*": {"retries": 2, "queue": "small", "retry_delay": timedelta(seconds=3)},
    "o*": {"retries": 5, "pool": "api", "executor_config": {"cpu": 2}},
    "orders": {"queue": "big"},
})
""")

    orders, customers = dag.get_task("orders"), dag.get_task("customers")
    assert (orders.retries, orders.pool, orders.queue) == (5, "api", "big")
    assert orders.executor_config == {"cpu": 2}
    assert orders.retry_delay == datetime.timedelta(seconds=3)
    assert (customers.retries, customers.pool, customers.queue) == (2, "default_pool", "small")


def test_outlets_in_task_options_are_added_to_the_tables_assets(dag_folder):
    dag = dag_folder.dag("""
from airflow.sdk import Asset
dag = DltDag("shop", "shop_source:shop", task_options={"orders": {"outlets": [Asset("report")]}})
""")

    names = [asset.name for asset in dag.get_task("orders").outlets]
    assert names == ["report", "shop/shop/orders"]


def test_after_orders_two_resources(dag_folder):
    dag = dag_folder.dag(
        'dag = DltDag("shop", "shop_source:shop", after={"orders": ["customers", "p*"]})'
    )

    assert dag.get_task("orders").upstream_task_ids == {"customers", "prices"}
    assert dag.get_task("customers").upstream_task_ids == set()
    assert dag.get_task("finish").upstream_task_ids == {"orders", "customers", "prices"}


def test_resource_tasks_maps_every_resource_to_its_task(dag_folder):
    dag = dag_folder.dag('dag = DltDag("tree", "shop_source:tree", decompose="component")')

    assert {name: task.task_id for name, task in dag.resource_tasks.items()} == {
        "users": "users",
        "posts": "users",
        "likes": "users",
        "alone": "alone",
    }
    assert dag.resource_tasks["posts"] is dag.get_task("users")


def test_an_unknown_name_in_resource_tasks_says_which_there_are(dag_folder):
    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop")')

    with pytest.raises(KeyError, match="no task loads 'order'; there are: orders, customers, pr"):
        dag.resource_tasks["order"]
    assert dag.resource_tasks.get("order") is None


def test_a_task_of_the_users_can_follow_one_resource(dag_folder):
    dag = dag_folder.dag("""
with DltDag("shop", "shop_source:shop") as dag:
    @task
    def invoice(): ...
    dag.resource_tasks["orders"] >> invoice()
""")

    assert dag.get_task("invoice").upstream_task_ids == {"orders"}


def test_tasks_of_several_sources_carry_the_name_of_their_source(dag_folder):
    dag = dag_folder.dag('dag = DltDag("both", "shop_source:both", resources=["*orders"])')

    assert set(dag.task_dict) == {"shop__orders", "other__orders", "finish"}


def test_a_source_may_be_a_function_of_the_dag_file(dag_folder):
    dag = dag_folder.dag("""
import dlt
@dlt.source
def inline():
    return dlt.resource([{"id": 1}], name="rows")
dag = DltDag("inline", inline)
""")

    assert set(dag.task_dict) == {"rows", "finish"}


@pytest.mark.parametrize("function", ["lambda: rows(1)", "functools.partial(rows, 1)"])
def test_a_source_may_be_a_function_without_a_name_of_its_own(dag_folder, function):
    dag = dag_folder.dag(f"""
import dlt, functools
def rows(first):
    return dlt.resource([first], name="rows")
dag = DltDag("nameless", {function})
""")

    assert set(dag.task_dict) == {"rows", "finish"}


def test_a_dag_file_in_a_sub_folder_finds_the_source_beside_it(dag_folder):
    dag_folder.write(
        "team/local_source.py",
        "import dlt\ndef local():\n    return dlt.resource([1], name='local_rows')\n",
    )

    dag = dag_folder.dag('dag = DltDag("team", "local_source:local")', "team/the_dag_file.py")

    assert set(dag.task_dict) == {"local_rows", "finish"}
    assert dag.get_task("local_rows").base_dir == dag_folder.path / "team"


def test_configure_changes_what_is_planned(dag_folder):
    dag = dag_folder.dag("""
def with_archive(source):
    source.archive.selected = True
    return source
dag = DltDag("shop", "shop_source:shop", configure=with_archive)
""")

    assert "archive" in dag.task_dict


def test_each_root_table_has_one_asset_named_by_pipeline_dataset_and_table(dag_folder):
    dag = dag_folder.dag(
        'dag = DltDag("shop", "shop_source:shop", pipeline_name="store", dataset_name="raw")'
    )

    assets = {task.task_id: [(a.name, a.uri) for a in task.outlets] for task in dag.tasks}
    assert assets == {
        "orders": [("store/raw/orders", "x-dlt://store/raw/orders")],
        "customers": [("store/raw/customers", "x-dlt://store/raw/customers")],
        "prices": [("store/raw/price_list", "x-dlt://store/raw/price_list")],
        "finish": [],
    }


def test_a_task_of_many_resources_has_an_asset_for_each_root_table(dag_folder):
    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop", decompose="none")')

    names = {asset.name for asset in dag.get_task("shop").outlets}
    assert names == {"shop/shop/orders", "shop/shop/customers", "shop/shop/price_list"}


def test_a_template_in_the_dataset_name_gives_assets_by_the_params_default(dag_folder):
    dag = dag_folder.dag("""
dag = DltDag("shop", "shop_source:shop", dataset_name="raw_{{ params.env }}", params={"env": "dev"})
""")

    (asset,) = dag.get_task("orders").outlets
    assert asset.name == "shop/raw_dev/orders"


def test_the_serialized_dag_says_what_each_task_loads_and_no_password(dag_folder):
    from airflow.serialization.serialized_objects import DagSerialization

    dag = dag_folder.dag(
        'dag = DltDag("shop", "shop_source:shop", state_store="postgresql://u:secret@h/db")'
    )

    document = DagSerialization.to_dict(dag)

    assert "secret" not in str(document)
    facts = json.loads(DagSerialization.from_dict(document).get_task("orders").dlt_facts)
    assert facts == {
        "pipeline_name": "shop",
        "task_key": "orders",
        "dataset_name": "shop",
        "state_store": None,
        "has_hidden_state_store": True,
        "param_prefix": "",
        "resources": [
            {"name": "orders", "table_name": "orders", "write_disposition": "append"},
        ],
    }
