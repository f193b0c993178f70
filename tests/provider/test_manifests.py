"""Which manifest belongs to which Dag or group."""

from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from airflow_dlt_provider import settings
from airflow_dlt_provider.cli import app


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


@pytest.mark.parametrize("text", ["an hour", "0", "-1", "nan"])
def test_a_time_to_live_that_is_none_is_told_with_the_option_and_the_value(
    dag_folder, monkeypatch, text
):
    monkeypatch.setenv("AIRFLOW__DLT__MANIFEST_TTL", text)

    error = dag_folder.error('dag = DltDag("shop", "shop_source:shop")')

    assert f"[dlt] manifest_ttl = '{text}'" in error
    assert "not a number of seconds above 0" in error


def test_a_committed_manifest_is_found_beside_the_file_of_a_dag_and_of_a_group(
    dag_folder, manifests, tmp_path, request
):
    dag_folder.write_dag("""
dag = DltDag("shop", "shop_source:shop")
with DAG("report"):
    with TaskGroup("outer"):
        DltTaskGroup("load", "shop_source:other")
""")
    done = CliRunner().invoke(app, ["manifest", "build", str(dag_folder.path)])
    assert done.exit_code == 0, done.output
    for path in (tmp_path / "manifests").iterdir():
        path.unlink()
    planned_again = request.getfixturevalue("planned_again")

    dags = dag_folder.load()

    assert dag_folder.import_errors == {}
    assert planned_again == []
    assert manifests() == []
    assert "outer.load.orders" in dags["report"].task_dict


def test_a_committed_manifest_that_is_out_of_date_is_told_in_the_log_of_the_dag_processor(
    dag_folder, caplog
):
    text = 'dag = DltDag("shop", "shop_source:shop")'
    dag_folder.write_dag(text)
    CliRunner().invoke(app, ["manifest", "build", str(dag_folder.path)])
    with (dag_folder.path / "shop_source.py").open("a") as file:
        file.write("\n")

    dag_folder.dag(text)

    assert (
        "Dag shop: its manifest dlt_manifests/shop.json is out of date: shop_source.py has changed"
        in caplog.text
    )
