"""What is built in the process of one task."""

from unittest.mock import patch

import pytest


@pytest.fixture
def in_task(monkeypatch):
    """Make this the process of one task, as Airflow's task runner does."""

    def set_task(dag_id, task_id):
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", task_id)

    return set_task


def test_the_process_of_a_task_builds_that_task_alone(dag_folder, in_task):
    in_task("shop", "customers")

    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop")')

    assert set(dag.task_dict) == {"customers"}


def test_the_process_of_the_finish_task_builds_it_alone(dag_folder, in_task):
    in_task("shop", "finish")

    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop")')

    assert set(dag.task_dict) == {"finish"}
    assert dag.get_task("finish").resource_task_ids == ["orders", "customers", "prices"]


def test_the_process_of_a_task_of_a_group_builds_the_dag_of_the_user_whole(dag_folder, in_task):
    in_task("report", "outer.load.customers")

    dag = dag_folder.dag("""
with DAG("report") as dag:
    with TaskGroup("outer"):
        load = DltTaskGroup("load", "shop_source:shop")
    @task
    def after(): ...
    load >> after()
""")

    # the Dag is the user's, who may ask for any task in ways that a group does not see
    assert {"outer.load.customers", "outer.load.orders", "outer.load.finish", "after"} <= set(
        dag.task_dict
    )


def test_a_dag_file_may_name_any_resource_in_the_process_of_another_task(dag_folder, in_task):
    in_task("shop", "customers")

    dag = dag_folder.dag("""
with DltDag("shop", "shop_source:shop", after={"orders": ["prices"]}) as dag:
    @task
    def invoice(): ...
    dag.resource_tasks["orders"] >> invoice()
    assert list(dag.resource_tasks) == ["orders", "customers", "prices"]
""")

    assert set(dag.task_dict) == {"customers", "orders", "invoice"}
    assert dag.get_task("invoice").upstream_task_ids == {"orders"}


def test_the_process_of_a_task_of_another_dag_of_the_file_builds_everything(dag_folder, in_task):
    in_task("another", "customers")

    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop")')

    assert set(dag.task_dict) == {"orders", "customers", "prices", "finish"}


def test_a_task_takes_a_manifest_of_any_age(dag_folder, in_task, monkeypatch):
    text = 'dag = DltDag("shop", "shop_source:shop")'
    dag_folder.dag(text)
    monkeypatch.setenv("AIRFLOW__DLT__MANIFEST_TTL", "0.000001")
    in_task("shop", "customers")
    with patch(
        "airflow_dlt_provider.core.planning.from_source.plan_from_source", autospec=True
    ) as plan_from_source:
        dag = dag_folder.dag(text)

    assert plan_from_source.call_count == 0
    assert set(dag.task_dict) == {"customers"}


def test_a_task_of_the_users_that_follows_a_group_is_found_in_its_own_process(dag_folder, in_task):
    in_task("report", "after")

    dag = dag_folder.dag("""
with DAG("report") as dag:
    load = DltTaskGroup("load", "shop_source:shop")
    @task
    def after(): ...
    load >> after()
""")

    assert "after" in dag.task_dict


def test_a_group_may_follow_a_group_in_the_process_of_a_task_of_one_of_them(dag_folder, in_task):
    in_task("report", "other.orders")

    dag = dag_folder.dag("""
with DAG("report") as dag:
    DltTaskGroup("shop", "shop_source:shop") >> DltTaskGroup("other", "shop_source:other")
""")

    assert "other.orders" in dag.task_dict


@pytest.mark.parametrize("task_id", ["orders", "finish"])
def test_a_dag_file_may_get_any_task_by_its_id_in_the_process_of_another_task(
    dag_folder, in_task, task_id
):
    in_task("shop", "customers")

    dag = dag_folder.dag(f"""
with DltDag("shop", "shop_source:shop") as dag:
    @task
    def report(): ...
    dag.get_task("{task_id}") >> report()
""")

    assert dag.get_task("report").upstream_task_ids == {task_id}


@pytest.mark.parametrize("task_id", ["orders", "finish"])
def test_the_tasks_of_a_dag_are_all_there_in_the_process_of_the_users_own_task(
    dag_folder, in_task, task_id
):
    in_task("shop", "report")

    dag = dag_folder.dag(f"""
with DltDag("shop", "shop_source:shop") as dag:
    @task
    def report(): ...
    assert [leaf.task_id for leaf in dag.leaves] == ["finish"]
    dag.task_dict["{task_id}"] >> report()
""")

    assert set(dag.task_dict) == {"orders", "customers", "prices", "finish", "report"}
    assert dag.get_task("report").upstream_task_ids == {task_id}
