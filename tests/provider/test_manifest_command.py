"""`airflow-dlt manifest build` and `check`, which import Dag files."""

import json
import sys

import pytest
from typer.testing import CliRunner

from airflow_dlt_provider.cli import app
from airflow_dlt_provider.core.state.sql import SqlStateStore
from tests.state_store_suite import load, state

DAGS = """
from airflow.sdk import DAG
from airflow_dlt_provider import DltDag, DltTaskGroup, load_dags

print("a Dag file may print")
dag = DltDag("shop", "shop_source:shop", full_refresh_dag=True, resources={resources})
with DAG("report"):
    DltTaskGroup("load", "shop_source:other")
globals().update(load_dags("project/sources.yml"))
"""
SOURCES = """
version: '1.0'
sources:
  - name: declared_shop
    type: dlt_native
    enabled: true
    dlt_native:
      source_module: declared_source
      source_function: shop
      function_kwargs: {}
"""
DECLARED = "import dlt\ndef shop():\n    return dlt.resource([1], name='products')\n"
WRITTEN = [
    "dags/dlt_manifests/report.load.json",
    "dags/dlt_manifests/shop.json",
    "dags/project/dlt_manifests/declared_shop.json",
]


@pytest.fixture
def dags(dag_folder):
    """Write the Dag file, with what the Dag `shop` selects."""

    def write(resources=None):
        dag_folder.write("dags.py", DAGS.format(resources=resources))

    dag_folder.write("project/sources.yml", SOURCES)
    dag_folder.write("project/custom_sources/declared_source.py", DECLARED)
    write()
    return write


@pytest.fixture
def manifest(dag_folder, monkeypatch, tmp_path, forget_user_modules):
    """Run `airflow-dlt manifest ...` on the folder of the Dag files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW__DLT__STATE_STORE", f"sqlite:///{tmp_path}/ledger.db")

    def run(*arguments, path="dags"):
        forget_user_modules()
        return CliRunner().invoke(app, ["manifest", *arguments, path])

    return run


def written(dag_folder):
    paths = sorted(dag_folder.path.rglob("dlt_manifests/*"))
    return [path.relative_to(dag_folder.path.parent).as_posix() for path in paths]


def test_build_writes_a_manifest_per_plan_beside_what_names_its_source(dags, manifest, dag_folder):
    done = manifest("build")

    assert done.exit_code == 0, done.output
    assert sorted(done.stdout.splitlines()) == [
        "wrote dags/dlt_manifests/report.load.json: 1 task",
        "wrote dags/dlt_manifests/shop.json: 3 tasks",
        "wrote dags/project/dlt_manifests/declared_shop.json: 1 task",
    ]
    assert written(dag_folder) == WRITTEN


def test_built_again_nothing_changes_and_check_is_content(dags, manifest, dag_folder):
    manifest("build")
    before = [path.read_bytes() for path in sorted(dag_folder.path.rglob("*.json"))]

    again, checked = manifest("build"), manifest("check")

    assert all(line.startswith("unchanged ") for line in again.stdout.splitlines())
    assert [path.read_bytes() for path in sorted(dag_folder.path.rglob("*.json"))] == before
    assert all(str(dag_folder.path).encode() not in content for content in before)
    assert (checked.exit_code, checked.stdout) == (0, "up to date: 3 manifests\n")


def test_check_names_what_is_missing_out_of_date_and_left_over_and_writes_nothing(
    dags, manifest, dag_folder
):
    manifest("build")
    folder = dag_folder.path / "dlt_manifests"
    (folder / "report.load.json").unlink()
    (folder / "gone.json").write_text((folder / "shop.json").read_text())
    dag_folder.write("project/custom_sources/declared_source.py", DECLARED + "\n")
    dags(["orders"])

    done = manifest("check")

    assert done.exit_code == 1
    assert sorted(done.stdout.splitlines()) == [
        "dags/dlt_manifests/gone.json: left over, no Dag has this plan",
        "dags/dlt_manifests/report.load.json: is missing",
        "dags/dlt_manifests/shop.json: is out of date: what is asked of the source has changed",
        (
            "dags/project/dlt_manifests/declared_shop.json: is out of date: "
            "custom_sources/declared_source.py has changed"
        ),
    ]
    assert "airflow-dlt manifest build" in done.stderr
    assert not (folder / "report.load.json").exists()

    built = manifest("build")

    assert "removed dags/dlt_manifests/gone.json: no Dag has this plan" in built.stdout
    assert (manifest("check").exit_code, written(dag_folder)) == (0, WRITTEN)


def test_check_sees_what_no_file_shows(dags, manifest, dag_folder, monkeypatch):
    dag_folder.write(
        "project/custom_sources/declared_source.py",
        "import dlt, os\ndef shop():\n"
        "    return [dlt.resource([1], name=name) for name in os.environ['TABLES'].split()]\n",
    )
    monkeypatch.setenv("TABLES", "a b")
    manifest("build")
    monkeypatch.setenv("TABLES", "a b c")

    done = manifest("check")

    assert done.exit_code == 1
    assert "declared_shop.json: is out of date: the source has other resources" in done.stdout

    monkeypatch.delenv("TABLES")
    unseen = manifest("check")

    # a source that fails here is judged by its files
    assert (unseen.exit_code, "cannot be planned" in unseen.stderr) == (0, False)
    assert "declared_shop" in unseen.stderr


def test_a_source_that_fails_keeps_its_manifest_and_stops_no_other(
    dags, manifest, dag_folder, monkeypatch
):
    manifest("build")
    before = (dag_folder.path / "project/dlt_manifests/declared_shop.json").read_text()
    dag_folder.write(
        "project/custom_sources/declared_source.py",
        "def shop():\n    raise ConnectionError('the API is down')\n",
    )
    dags(["orders"])

    done = manifest("build")

    assert done.exit_code == 1
    assert "wrote dags/dlt_manifests/shop.json: 1 task" in done.stdout
    assert "the API is down" in done.stderr
    assert (dag_folder.path / "project/dlt_manifests/declared_shop.json").read_text() == before


def test_a_dag_file_that_cannot_be_imported_is_told_and_takes_no_manifest_away(
    dags, manifest, dag_folder
):
    manifest("build")
    dag_folder.write("dags.py", "from airflow.sdk import DAG\nimport not_installed_anywhere  # dag")

    built, checked = manifest("build"), manifest("check")

    assert (built.exit_code, checked.exit_code) == (1, 1)
    assert "dags.py cannot be imported" in built.stderr
    assert "not_installed_anywhere" in built.stderr
    assert written(dag_folder) == WRITTEN


def test_one_dag_file_is_built_without_taking_the_manifests_of_another_away(
    dags, manifest, dag_folder
):
    dag_folder.write(
        "more.py",
        "from airflow_dlt_provider import DltDag  # airflow\n"
        'dag = DltDag("more", "shop_source:other")\n',
    )
    manifest("build")

    done = manifest("build", path="dags/more.py")

    assert done.stdout == "unchanged dags/dlt_manifests/more.json: 1 task\n"
    assert written(dag_folder) == sorted([*WRITTEN, "dags/dlt_manifests/more.json"])


def test_durations_of_loads_are_remembered_and_kept_where_no_ledger_is_reached(
    dags, manifest, dag_folder, tmp_path, monkeypatch
):
    store = SqlStateStore(f"sqlite:///{tmp_path}/ledger.db")
    store.record_loads([load(n, "orders", "shop", task_pipeline="a") for n in range(3)])
    store.record_loads([load(n, "forgotten", "shop", task_pipeline="b") for n in range(3)])
    store.write_resources([state(name, "shop") for name in ("orders", "forgotten")])
    store.close()

    first = manifest("build")
    path = dag_folder.path / "dlt_manifests" / "shop.json"
    assert json.loads(path.read_text())["seconds_by_resource"] == {"orders": 0.5}, first.output
    monkeypatch.setenv("AIRFLOW__DLT__STATE_STORE", f"sqlite:///{tmp_path}/none.db")
    second = manifest("build")

    assert "unchanged dags/dlt_manifests/shop.json" in second.stdout
    assert "durations of loads stay as they are" in second.stderr
    assert manifest("check").exit_code == 0


def test_a_store_that_a_person_names_and_that_is_none_is_an_error(dags, manifest, tmp_path):
    done = manifest("build", "--state-store", f"sqlite:///{tmp_path}/none.db")

    assert done.exit_code == 1
    assert "there is no state store" in done.stderr


def test_without_airflow_the_command_says_what_it_needs(manifest, monkeypatch):
    monkeypatch.setitem(sys.modules, "airflow.sdk", None)

    done = manifest("check")

    assert done.exit_code == 1
    assert "imported by Airflow, which is not installed here" in done.stderr


def test_a_lambda_has_no_manifest(manifest, dag_folder):
    dag_folder.write(
        "dags.py",
        "import dlt\nfrom airflow_dlt_provider import DltDag  # airflow\n"
        'dag = DltDag("inline", lambda: dlt.resource([1], name="one"))\n',
    )

    done = manifest("build")

    assert (done.exit_code, done.stdout) == (0, "")
    assert 'name it as "module:function"' in done.stderr
    assert manifest("check").exit_code == 0
