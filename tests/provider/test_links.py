"""Links from a task in Airflow's UI."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import airflow
import pytest

from airflow_dlt_provider.operators import links

ODD = """
import dlt
def odd():
    return dlt.resource([{"id": 1}], name="a&b=c d/é?#")
"""


@pytest.fixture
def links_of():
    """Name of a link -> its address, as the task of a run left it for the UI."""

    def read(run, task_id):
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            rows = session.query(XComModel).filter_by(
                dag_id=run.dag_id, run_id=run.run_id, task_id=task_id
            )
            return {
                row.key.removeprefix("_link_"): XComModel.deserialize_value(row)
                for row in rows
                if row.key.startswith("_link_")
            }

    return read


def query_of(link):
    return {name: value for name, (value,) in parse_qs(urlsplit(link).query).items()}


def test_a_task_leads_to_its_resource_and_to_the_asset_of_its_table(dag_folder, run_dag, links_of):
    dag_folder.write("odd_source.py", ODD)
    dag = dag_folder.dag('dag = DltDag("links_odd", "odd_source:odd")')
    (name,) = dag.resource_tasks
    task = dag.resource_tasks[name]

    found = links_of(run_dag(dag), task.task_id)

    page = found["ResourceLink"]
    assert query_of(page) == {"dag_id": "links_odd", "task_id": task.task_id, "resource": name}
    assert urlsplit(page).path == "/plugin/dlt/dlt/"
    assert name not in page
    asset = found["TableAssetLink"]
    assert urlsplit(asset).path == "/assets"
    assert query_of(asset) == {"name_pattern": task.outlets[0].name}


def test_a_task_of_many_resources_leads_to_all_of_them(dag_folder, run_dag, links_of):
    dag = dag_folder.dag('dag = DltDag("links_all", "shop_source:shop", decompose="none")')

    found = links_of(run_dag(dag), "shop")

    assert query_of(found["ResourceLink"]) == {"dag_id": "links_all"}
    assert query_of(found["TableAssetLink"]) == {"name_pattern": "links_all/links_all/"}


def test_links_are_below_the_path_of_the_server(dag_folder, run_dag, links_of, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://data.example.com/team/airflow/")
    dag = dag_folder.dag('dag = DltDag("links_base", "shop_source:shop", resources=["orders"])')

    found = links_of(run_dag(dag), "orders")

    page = urlsplit(found["ResourceLink"])
    assert (page.netloc, page.path) == ("", "/team/airflow/plugin/dlt/team/airflow/dlt/")
    assert found["TableAssetLink"].startswith("/team/airflow/assets?")


def test_before_airflow_3_3_a_link_leads_to_the_page_itself(dag_folder, monkeypatch):
    monkeypatch.setattr(links, "airflow_version", "3.2.2")
    task = dag_folder.dag('dag = DltDag("shop", "shop_source:shop")').get_task("orders")

    link = links.ResourceLink().get_link(task, ti_key=task)

    assert link == "/dlt/?dag_id=shop&task_id=orders&resource=orders"


def test_airflows_ui_has_the_routes():
    scripts = Path(airflow.__file__).parent.glob("ui/dist/assets/index-*.js")
    ui = "".join(path.read_text() for path in scripts)

    assert "plugin/:page/*" in ui
    assert "`assets/:assetId`" in ui
    assert "NAME_PATTERN=`name_pattern`" in ui


def test_airflow_finds_the_links_of_the_provider():
    from airflow.providers_manager import ProvidersManager

    found = ProvidersManager().extra_links_class_names

    assert "airflow_dlt_provider.operators.links.ResourceLink" in found


def test_the_serialized_task_names_its_links(dag_folder):
    from airflow.serialization.serialized_objects import DagSerialization

    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop")')

    task = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task("orders")

    assert set(task.extra_links) == {"dlt resource", "Table's asset"}
