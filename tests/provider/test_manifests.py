"""Which manifest belongs to which Dag or group."""

from unittest.mock import patch

import pytest

from airflow_dlt_provider import settings


@pytest.fixture
def planned_again():
    """Plans that were made from a source while parsing."""
    with patch(
        "airflow_dlt_provider.core.planning.from_source.plan_from_source", autospec=True
    ) as plan_from_source:
        yield plan_from_source.call_args_list


@pytest.fixture(autouse=True)
def manifests(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "manifest_dir", lambda: tmp_path / "manifests")
    return lambda: sorted(path.name for path in (tmp_path / "manifests").iterdir())


def test_two_dags_of_one_pipeline_keep_manifests_of_their_own(dag_folder, manifests, request):
    for dag_id, resource in (("first", "orders"), ("second", "customers")):
        dag_folder.write_dag(
            f'dag = DltDag("{dag_id}", "shop_source:shop", resources=["{resource}"],'
            ' pipeline_name="one_name")',
            f"{dag_id}.py",
        )
    dag_folder.load()
    planned_again = request.getfixturevalue("planned_again")

    dags = dag_folder.load()

    assert dag_folder.import_errors == {}
    assert planned_again == []
    assert manifests() == ["first.json", "second.json"]
    assert {dag_id: set(dag.task_dict) for dag_id, dag in dags.items()} == {
        "first": {"orders", "finish"},
        "second": {"customers", "finish"},
    }


def test_two_groups_of_a_dag_keep_manifests_of_their_own(dag_folder, manifests, request):
    text = """
with DAG("report") as dag:
    DltTaskGroup("one", "shop_source:shop", pipeline_name="one_name")
    DltTaskGroup("two", "shop_source:other", pipeline_name="one_name")
"""
    dag_folder.dag(text)
    planned_again = request.getfixturevalue("planned_again")

    dag = dag_folder.dag(text)

    assert planned_again == []
    assert manifests() == ["report.one.json", "report.two.json"]
    assert {"one.orders", "one.customers", "two.orders"} <= set(dag.task_dict)
