"""What is imported, and when: each of these lists is paid by every parse, or every process.

A module that belongs here is added here by hand, with the question whether it has to.
"""

import json

import pytest

PACKAGE = "airflow_dlt_provider"

BUILDING_DAGS = [
    "asked_plans",
    "core",
    "core.errors",
    "core.names",
    "core.planning",
    "core.planning.fingerprint",
    "core.planning.manifest",
    "core.planning.order",
    "core.planning.plan",
    "core.planning.planner",
    "core.planning.selection",
    "core.planning.task_docs",
    "core.planning.task_options",
    "core.source_options",
    "core.spec",
    "dag_factory",
    "load_options",
    "operators",
    "operators.assets",
    "operators.dlt",
    "operators.error_mapping",
    "operators.finish",
    "operators.links",
    "run_params",
    "settings",
    "task_builder",
    "templates",
    "wiring",
]

# an entry point that Airflow loads with its settings
EVERY_PROCESS = ["plugin", "plugin.celery"]

PLUGIN = ["plugin.plugin", "plugin.preload", "settings"]

READING_DECLARED_SOURCES = [
    "core.registry",
    "core.registry.addresses",
    "core.registry.collisions",
    "core.registry.cron",
    "core.registry.declared",
    "core.registry.durations",
    "core.registry.entries",
    "core.registry.explanations",
    "core.registry.field_types",
    "core.registry.hidden",
    "core.registry.mistakes",
    "core.registry.project",
    "core.registry.schedules",
    "core.registry.schedules_file",
    "core.registry.sources_file",
    "core.registry.unreferenced",
    "core.registry.yaml_tree",
    "declared_dags",
    "declared_schedule",
    "operators.mistake",
]

# everything that Airflow's Dag processor has imported when it forks, then what a file adds
PARSE = """
import json, sys
from importlib import import_module
for name in ("dag_processing.processor", "sdk", "providers.standard.operators.empty"):
    import_module(f"airflow.{name}")
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization
import_module("airflow_dlt_provider.plugin.plugin")
path = Path(sys.argv[1])
before = set(sys.modules)
bag = BundleDagBag(dag_folder=str(path), bundle_path=path.parent, bundle_name="dags-folder")
assert not bag.import_errors, bag.import_errors
new = set(sys.modules) - before
top = {name.partition(".")[0] for name in new} - sys.stdlib_module_names - {"airflow"}
theirs = ("airflow_dlt", "unusual_prefix_")
print(json.dumps({
    "dags": sorted(bag.dags),
    "own": sorted(name for name in new if name.startswith("airflow_dlt_provider.")),
    "others": sorted(name for name in top if not name.startswith(theirs)),
    "dlt": "dlt" in sys.modules,
}))
"""


@pytest.fixture
def parse(run_python):
    def parse(path):
        return json.loads(run_python(PARSE, str(path)).splitlines()[-1])

    return parse


def in_package(names):
    return sorted(f"{PACKAGE}.{name}" for name in names)


def test_a_dag_with_a_manifest_brings_these_modules_and_no_package_of_others(parse, dag_folder):
    path = dag_folder.write(
        "dags.py",
        """
from airflow.sdk import DAG
from airflow_dlt_provider import DltDag, DltTaskGroup
dag = DltDag("shop", "shop_source:shop")
with DAG("report"):
    DltTaskGroup("load", "shop_source:shop", resources=["orders"])
""",
    )
    parse(path)

    found = parse(path)

    assert found["dags"] == ["report", "shop"]
    # the plugin has brought this one
    assert found["own"] == in_package(set(BUILDING_DAGS) - {"settings"})
    assert found["others"] == []
    assert not found["dlt"]


SOURCES = """
version: '1.0'
sources:
  - name: declared_shop
    type: dlt_native
    enabled: true
    dlt_native:
      source_module: shop_source
      source_function: shop
      function_kwargs: {}
"""


def test_declared_sources_with_manifests_bring_no_dlt_and_no_database(parse, dag_folder):
    dag_folder.write("sources.yml", SOURCES)
    dag_folder.write(
        "custom_sources/shop_source.py", (dag_folder.path / "shop_source.py").read_text()
    )
    path = dag_folder.write(
        "dags.py",
        "from airflow_dlt_provider import load_dags  # airflow dag\n"
        "globals().update(load_dags('sources.yml'))\n",
    )
    parse(path)

    found = parse(path)

    assert found["dags"] == ["declared_shop"]
    more = set(found["own"]) - set(in_package(BUILDING_DAGS))
    assert more == set(in_package(READING_DECLARED_SOURCES))
    # `yaml` and `pydantic` are Airflow's, which has imported them before
    assert found["others"] == []
    assert not found["dlt"]


NEW_MODULES = """
import json, sys
from importlib import import_module
import airflow.plugins_manager, airflow.configuration, airflow.listeners
before = set(sys.modules)
module = import_module(sys.argv[1])
if len(sys.argv) > 2:
    getattr(module, sys.argv[2])()
print(json.dumps(sorted(set(sys.modules) - before - sys.stdlib_module_names)))
"""


def test_a_process_of_airflow_brings_these_modules_before_it_knows_what_for(run_python):
    code = "import airflow.settings, json, sys; print(json.dumps(sorted(sys.modules)))"

    found = json.loads(run_python(code).splitlines()[-1])

    own = {name for name in found if name.startswith(f"{PACKAGE}.")}
    # some settings make Airflow ask for its providers at once
    assert own - set(in_package(["provider_info", "version"])) == set(in_package(EVERY_PROCESS))
    assert not {"celery", "dlt"} & set(found)


def test_the_plugin_brings_these_modules(run_python):
    found = json.loads(run_python(NEW_MODULES, f"{PACKAGE}.plugin.plugin").splitlines()[-1])

    own = [name for name in found if name != PACKAGE and name != f"{PACKAGE}.version"]
    assert own == in_package(PLUGIN)


def test_what_airflow_discovers_brings_nothing(run_python):
    found = run_python(NEW_MODULES, f"{PACKAGE}.provider_info", "get_provider_info")

    allowed = {PACKAGE, *in_package(["provider_info", "version"])}
    assert set(json.loads(found.splitlines()[-1])) <= allowed


def test_the_command_of_airflow_brings_nothing_before_it_runs(run_python):
    found = run_python(NEW_MODULES, f"{PACKAGE}.airflow_command")

    allowed = {PACKAGE, *in_package(["airflow_command", "version"])}
    assert set(json.loads(found.splitlines()[-1])) <= allowed
