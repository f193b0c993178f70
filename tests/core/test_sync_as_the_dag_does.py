"""`airflow-dlt sync` loads in the tasks that the Dag of the source has, with the Dag's options."""

import pytest

from airflow_dlt_provider.core.planning.fingerprint import fingerprint_of
from airflow_dlt_provider.core.planning.from_source import plan_from_source
from airflow_dlt_provider.core.planning.manifest import Manifest, committed_path, write_manifest
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.registry.project import read_project

SECONDS = {"orders": 10.0, "customers": 1.0, "notes": 1.0, "addresses": 1.0}


@pytest.fixture
def packed(declared, tmp_path):
    """Declare a shop of two tasks whose manifest is committed; return the keys that its Dag has."""
    declared.declare(extra="    airflow: {max_tasks: 2}\n")
    (source,) = read_project(declared.folder).enabled
    spec = source.plan_spec()
    committed = committed_path(spec.source.base_dir, "shop")
    plan, files = plan_from_source(spec)
    write_manifest(committed, Manifest(fingerprint_of(spec, files), plan, None, SECONDS))

    def keys(committed):
        planned = plan_load(spec, tmp_path / "shop.json", committed=committed)
        return [task.key for task in planned.plan.tasks]

    assert keys(committed) != keys(None), "durations make a difference"
    return keys(committed)


def test_a_sync_packs_as_the_committed_manifest_says(declared, packed):
    document = declared.document()

    assert [task["key"] for task in document["sources"][0]["tasks"]] == packed


def test_a_plan_shows_what_the_dag_has(declared, packed):
    done = declared.run("plan", "shop")

    assert done.exit_code == 0, done.output
    assert all(key in done.stdout for key in packed)


@pytest.mark.parametrize(("on_failure", "loaded"), [("continue", {"orders"}), ("stop", set())])
def test_a_sync_does_on_failure_what_the_source_says(declared, on_failure, loaded):
    declared.declare(
        broken=True, extra=f"    airflow: {{max_tasks: 1, on_failure: {on_failure}}}\n"
    )

    declared.sync("--select", "orders,customers", code=1)

    is_loaded = (declared.folder / "data" / "warehouse.duckdb").is_file()
    assert {"orders"} & set(declared.tables() if is_loaded else ()) == loaded
