"""What parsing a Dag file costs, and that it always gives the same."""

import json
import os
from unittest.mock import patch

import pytest
from airflow.sdk import Connection, Variable

from airflow_dlt_provider.core.names import manifest_file_name

# loads a file by Airflow's own loader; prints its tasks and what was imported on the way
LOAD_FILE = """
import json, os, sys
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
path = Path(sys.argv[1])
bag = BundleDagBag(dag_folder=str(path), bundle_path=path.parent, bundle_name="dags-folder")
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
top = {name.partition(".")[0] for name in sys.modules}
source = [name for name in sys.modules if name.endswith((".shop_source", ".nycflights_source"))]
print(json.dumps({"tasks": sorted(dag.task_dict), "dlt": "dlt" in top, "source": source}))
"""


def load_in_process(run_python, path, **options):
    return json.loads(run_python(LOAD_FILE, str(path), **options).splitlines()[-1])


def test_a_planned_dag_file_is_parsed_without_dlt_and_without_the_users_module(
    run_python, dag_folder
):
    path = dag_folder.write_dag('dag = DltDag("shop", "shop_source:shop")')

    first = load_in_process(run_python, path)
    second = load_in_process(run_python, path)

    assert first["dlt"]
    # a module that was imported to plan must not be found, half blind, by a load
    assert first["source"] == []
    assert second == {
        "tasks": ["customers", "finish", "orders", "prices"],
        "dlt": False,
        "source": [],
    }


def test_the_example_is_parsed_without_dlt_once_it_is_planned(run_python):
    first = load_in_process(run_python, "dags/nycflights.py")
    second = load_in_process(run_python, "dags/nycflights.py")

    assert first["dlt"]
    assert (second["dlt"], second["source"]) == (False, [])
    assert second["tasks"] == ["airlines", "airports", "finish", "flights", "planes", "weather"]


def test_a_changed_source_file_is_planned_again(dag_folder, forget_user_modules):
    dag_folder.dag('dag = DltDag("shop", "shop_source:shop")')
    text = (dag_folder.path / "shop_source.py").read_text()
    dag_folder.write("shop_source.py", text.replace("selected=False", ""))
    forget_user_modules()

    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop")')

    assert "archive" in dag.task_dict


def test_a_plan_older_than_its_time_to_live_is_made_again(
    dag_folder, monkeypatch, forget_user_modules
):
    # what decides lies outside every file, like the catalog of a database
    dag_folder.write(
        "catalog_source.py",
        """
import dlt, os
def catalog():
    return [dlt.resource([1], name=name) for name in os.environ["TABLES"].split()]
""",
    )
    text = 'dag = DltDag("catalog", "catalog_source:catalog")'
    monkeypatch.setenv("TABLES", "a")
    dag_folder.dag(text)
    monkeypatch.setenv("TABLES", "a b")
    cached = set(dag_folder.dag(text).task_dict)
    monkeypatch.setenv("AIRFLOW__DLT__MANIFEST_TTL", "0.000001")

    planned_again = set(dag_folder.dag(text).task_dict)

    assert cached == {"a", "finish"}
    assert planned_again == {"a", "b", "finish"}


@pytest.fixture
def looked_up():
    """Names of the Variables and Connections that this process asks for, in any way."""
    with (
        patch.object(Variable, "get", autospec=True, return_value=None) as variable,
        patch.object(Connection, "get", autospec=True, return_value=None) as connection,
        patch("airflow.models.Variable.get", autospec=True, return_value=None) as old_variable,
    ):
        mocks = (variable, connection, old_variable)
        yield lambda: [call.args for mock in mocks for call in mock.call_args_list]


def test_planning_asks_for_no_variable_and_no_connection(dag_folder, looked_up):
    dag_folder.write(
        "secret_source.py",
        """
import dlt
@dlt.source
def secret(token: str = dlt.secrets.value):
    return [dlt.resource([token], name="one"), dlt.resource([token], name="two")]
""",
    )

    dag = dag_folder.dag('dag = DltDag("secret", "secret_source:secret")')

    assert set(dag.task_dict) == {"one", "two", "finish"}
    assert looked_up() == []


def test_planning_that_misses_a_setting_asks_for_no_variable_and_no_connection(
    dag_folder, looked_up
):
    dag_folder.write(
        "setting_source.py",
        """
import dlt
@dlt.source
def setting(url: str = dlt.config.value):
    return dlt.resource([url], name="rows")
""",
    )

    dag = dag_folder.dag('dag = DltDag("setting", "setting_source:setting")')

    assert set(dag.task_dict) == {"setting", "finish"}
    assert looked_up() == []


def test_declared_sources_ask_for_no_variable_and_no_connection(dag_folder, looked_up):
    dag_folder.write(
        "custom_sources/declared_api.py",
        """
import dlt
@dlt.source
def declared(token: str = dlt.secrets.value, other: str = None):
    return [dlt.resource([token, other], name="one"), dlt.resource([token], name="two")]
""",
    )
    dag_folder.write(
        "sources.yml",
        """
version: '1.0'
sources:
  - name: declared_secret
    type: dlt_native
    enabled: true
    dlt_native:
      source_module: declared_api
      source_function: declared
      function_kwargs: {other: "${NOT_SET_ANYWHERE}"}
""",
    )
    text = "globals().update(load_dags('sources.yml'))"

    planned, cached = (set(dag_folder.dag(text).task_dict) for _ in range(2))

    assert planned == cached == {"one", "two", "finish"}
    assert looked_up() == []


def test_the_params_of_a_load_are_those_of_the_dag_and_not_of_each_task(dag_folder):
    dag = dag_folder.dag("""
with DAG("report", params={"until": "2026-01-01"}) as dag:
    DltTaskGroup("one", "shop_source:shop")
    DltTaskGroup("two", "shop_source:shop")
""")

    assert {"until", "one__resources", "two__resources"} <= set(dag.params)
    for task_id in ("one.orders", "one.finish", "two.orders", "two.finish"):
        assert set(dag.get_task(task_id).params) == {"until"}


def test_the_serialized_dag_grows_as_its_resources_do(dag_folder):
    dag_folder.write(
        "wide_source.py",
        "import dlt\ndef wide(number):\n"
        "    return [dlt.resource([1], name=f'table_{n:03}') for n in range(number)]",
    )

    few, many = (
        len(json.dumps(serialized(dag_folder.dag(
            f'dag = DltDag("wide", "wide_source:wide", source_kwargs={{"number": {number}}})'
        ))[0], default=str))
        for number in (50, 200)
    )  # fmt: skip

    # a list of all resources in each task would make it sixteen times as large
    assert many < 4.2 * few


def test_parsing_leaves_environment_and_temporary_folder_as_they_were(
    dag_folder, tmp_path, monkeypatch
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    environment = dict(os.environ)

    dag_folder.dag('dag = DltDag("shop", "shop_source:shop")')

    assert dict(os.environ) == environment
    assert list((tmp_path / "temporary").iterdir()) == []


def serialized(dag):
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.serialized_objects import DagSerialization

    document = DagSerialization.to_dict(dag)
    return document, SerializedDagModel.hash(document)


DETERMINED = """
import dlt
from dlt.destinations import duckdb
from datetime import datetime, timezone
dag = DltDag(
    "same", "shop_source:{source}",
    destination=duckdb("some.duckdb"),
    task_options={{"*": {{"retries": 2}}}},
    decompose="{decompose}",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
)
"""


@pytest.mark.parametrize("decompose", ["resource", "component", "none"])
@pytest.mark.parametrize("source", ["shop", "tree"])
def test_the_same_file_gives_the_same_dag_version_planned_or_from_the_manifest(
    dag_folder, source, decompose
):
    text = DETERMINED.format(source=source, decompose=decompose)

    (planned, planned_hash), (cached, cached_hash) = (
        serialized(dag_folder.dag(text)) for _ in range(2)
    )

    assert json.dumps(planned, default=str) == json.dumps(cached, default=str)
    assert planned_hash == cached_hash


def test_no_secret_is_in_the_serialized_dag_or_in_the_manifest(dag_folder, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", "very-secret-token")
    dag_folder.write(
        "token_source.py",
        """
import dlt
def token_source(token, headers):
    assert (token, headers) == ("very-secret-token", {"key": "Bearer very-secret-token"})
    return [dlt.resource([token], name="rows"), dlt.resource([token], name="more_rows")]
""",
    )

    dag = dag_folder.dag("""
dag = DltDag("token", "token_source:token_source", source_kwargs={
    "token": "${SHOP_TOKEN}", "headers": {"key": "Bearer ${SHOP_TOKEN}"},
})
""")

    document, _ = serialized(dag)
    manifests = os.environ["AIRFLOW_HOME"] + "/dlt_manifests"
    name = manifest_file_name("token", None)
    with open(f"{manifests}/{name}") as file:  # noqa: PTH123
        manifest = file.read()
    assert set(dag.task_dict) == {"rows", "more_rows", "finish"}
    assert "${SHOP_TOKEN}" in json.dumps(document, default=str)
    assert "very-secret-token" not in json.dumps(document, default=str)
    assert "more_rows" in manifest
    assert "very-secret-token" not in manifest


def test_neither_the_function_nor_its_address_is_in_the_serialized_dag(dag_folder):
    dag = dag_folder.dag("""
import dlt
def inline():
    return dlt.resource([1], name="rows")
dag = DltDag("inline", inline, configure=lambda source: source)
""")

    document, _ = serialized(dag)
    assert " at 0x" not in json.dumps(document, default=str)
