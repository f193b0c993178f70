"""`DltTaskGroup`: a source inside a Dag of the user's."""

import pytest


def test_tasks_of_a_group_carry_its_id(dag_folder):
    dag = dag_folder.dag("""
with DAG("report") as dag:
    load = DltTaskGroup("load", "shop_source:shop")
""")

    assert set(dag.task_dict) == {"load.orders", "load.customers", "load.prices", "load.finish"}
    assert dag.get_task("load.finish").resource_task_ids == [
        "load.orders",
        "load.customers",
        "load.prices",
    ]


def test_what_follows_a_group_follows_its_finish(dag_folder):
    dag = dag_folder.dag("""
with DAG("report") as dag:
    @task
    def before(): ...
    @task
    def after(): ...
    load = DltTaskGroup("load", "shop_source:shop")
    before() >> load >> after()
""")

    assert dag.get_task("after").upstream_task_ids == {"load.finish"}
    assert dag.get_task("before").downstream_task_ids == {
        "load.orders",
        "load.customers",
        "load.prices",
    }


def test_a_task_of_the_users_can_follow_one_resource_of_a_group(dag_folder):
    dag = dag_folder.dag("""
with DAG("report") as dag:
    load = DltTaskGroup("load", "shop_source:shop")
    @task
    def invoice(): ...
    load.resource_tasks["orders"] >> invoice()
""")

    assert dag.get_task("invoice").upstream_task_ids == {"load.orders"}


def test_two_groups_load_two_sources_in_pipelines_of_their_own(dag_folder):
    dag = dag_folder.dag("""
with DAG("report") as dag:
    DltTaskGroup("shop", "shop_source:shop") >> DltTaskGroup("other", "shop_source:other")
""")

    assert dag.get_task("other.orders").upstream_task_ids == {"shop.finish"}
    assert dag.get_task("shop.orders").pipeline_name == "report__shop"
    assert dag.get_task("other.orders").pipeline_name == "report__other"


def test_a_group_in_a_group_has_the_ids_of_both(dag_folder):
    dag = dag_folder.dag("""
with DAG("report") as dag:
    with TaskGroup("outer"):
        load = DltTaskGroup("load", "shop_source:shop", after={"orders": ["prices"]})
""")

    orders = dag.get_task("outer.load.orders")
    assert orders.upstream_task_ids == {"outer.load.prices"}
    assert orders.downstream_task_ids == {"outer.load.finish"}
    assert dag.get_task("outer.load.finish").resource_task_ids[0] == "outer.load.orders"


def test_a_group_takes_the_pipeline_name_and_the_params_of_its_dag(dag_folder):
    dag_folder.write(
        "few_source.py",
        """
import dlt
def few(count):
    return [dlt.resource([1], name=f"table_{i}") for i in range(count)]
""",
    )

    dag = dag_folder.dag("""
with DAG("report", params={"count": 2}) as dag:
    DltTaskGroup(
        "load", "few_source:few",
        source_kwargs={"count": "{{ params.count }}"},
        pipeline_name="base",
    )
""")

    assert set(dag.task_dict) == {"load.table_0", "load.table_1", "load.finish"}
    assert dag.get_task("load.table_0").pipeline_name == "base"


def test_a_group_without_prefix_gives_plain_task_ids(dag_folder):
    dag = dag_folder.dag("""
with DAG("report") as dag:
    DltTaskGroup("load", "shop_source:shop", prefix_group_id=False)
""")

    assert set(dag.task_dict) == {"orders", "customers", "prices", "finish"}
    assert dag.get_task("finish").resource_task_ids == ["orders", "customers", "prices"]


@pytest.mark.parametrize("package", ["team", "airflow_dlt_provider_of_the_team"])
def test_a_group_finds_its_source_beside_the_file_that_names_it(dag_folder, package):
    dag_folder.write(f"{package}/__init__.py", "")
    dag_folder.write(
        f"{package}/groups.py",
        "from airflow_dlt_provider import DltTaskGroup\n"
        "def load_team():\n    return DltTaskGroup('load', 'team_source:team')\n",
    )
    dag_folder.write(
        f"{package}/team_source.py",
        "import dlt\ndef team():\n    return dlt.resource([1], name='team_rows')\n",
    )

    dag = dag_folder.dag(f"""
from {package}.groups import load_team
with DAG("report") as dag:
    load_team()
""")

    assert set(dag.task_dict) == {"load.team_rows", "load.finish"}
