"""What OpenLineage is told of a load: real events of a real Dag run, written to a file."""

import json

import pytest

SOURCE = """
import dlt

@dlt.source
def shop():
    @dlt.resource
    def orders():
        yield [{"id": 1, "lines": [{"sku": "a"}, {"sku": "b"}]}, {"id": 2, "lines": []}]

    @dlt.resource
    def broken():
        raise ValueError("the API is gone")
        yield

    return orders, broken
"""

DAG = """
from airflow_dlt_provider import DltDag
dag = DltDag("lineage", "shop_source:shop", dataset_name="raw", task_options={"*": {"retries": 0}})
"""

RUN = """
import sys
from airflow.utils import db
db.initdb()
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session
with create_session() as session:
    session.merge(DagBundleModel(name="dags-folder"))
bag = DagBag(sys.argv[1])
assert bag.import_errors == {}, bag.import_errors
sync_bag_to_db(bag, bundle_name="dags-folder", bundle_version=None)
bag.dags["lineage"].test()
"""


def test_openlineage_is_told_of_every_table_with_its_columns_and_rows(
    dag_folder, run_python, tmp_path
):
    pytest.importorskip("airflow.providers.openlineage", reason="needs the extra `openlineage`")
    dag_folder.write("shop_source.py", SOURCE)
    dag_folder.write("lineage.py", DAG)
    log = tmp_path / "events.jsonl"
    transport = json.dumps({"type": "file", "log_file_path": str(log), "append": True})

    run_python(RUN, str(dag_folder.path), AIRFLOW__OPENLINEAGE__TRANSPORT=transport)

    events = [json.loads(line) for line in log.read_text().splitlines()]
    by_task = {(event["job"]["name"], event["eventType"]): event for event in events}
    complete = by_task["lineage.orders", "COMPLETE"]
    assert [(item["namespace"], item["name"]) for item in complete["inputs"]] == [
        ("dlt://shop", "orders")
    ]
    orders, lines = complete["outputs"]
    namespace = f"duckdb://{tmp_path / 'home' / 'data' / 'lineage.duckdb'}"
    assert (orders["namespace"], orders["name"]) == (namespace, "lineage.raw.orders")
    assert (lines["namespace"], lines["name"]) == (namespace, "lineage.raw.orders__lines")
    assert [table["outputFacets"]["outputStatistics"]["rowCount"] for table in (orders, lines)] == [
        2,
        2,
    ]
    fields = orders["facets"]["schema"]["fields"]
    assert {field["name"]: field["type"] for field in fields} == {
        "id": "bigint",
        "_dlt_load_id": "text",
        "_dlt_id": "text",
    }
    failed = by_task["lineage.broken", "FAIL"]
    assert [item["name"] for item in failed["inputs"]] == ["broken"]
    assert failed["outputs"] == []
