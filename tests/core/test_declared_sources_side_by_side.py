"""Several sources of one project: none takes anything of another's."""

import sys

from airflow_dlt_provider.core.loading.window_arguments import with_window_arguments
from airflow_dlt_provider.core.planning import user_files
from airflow_dlt_provider.core.planning.declared_mistakes import mistake_of
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.planning.source_import import forgotten_user_modules
from airflow_dlt_provider.core.registry.project import read_project
from airflow_dlt_provider.core.registry.worker_values import read_worker_values
from airflow_dlt_provider.core.spec import SourceSpec
from tests.core.dated_shop import window
from tests.core.projects import entry

LISTED = """
import dlt

@dlt.source
def listed(rows, table):
    return dlt.resource(rows, name="rows", table_name=table, write_disposition="append")
"""


def test_one_function_called_twice_into_one_dataset_keeps_its_tables_apart(declared):
    declared.write("custom_sources/lists.py", LISTED)

    def declare(one, two):
        sources = "".join(
            f"  - name: {name}\n    type: dlt_native\n    dlt_native:\n"
            f"      source_module: lists\n      source_function: listed\n"
            f"      dataset_name: both\n"
            f"      function_kwargs: {{table: {name}, rows: [{{v: {value}}}]}}\n"
            for name, value in (("one", one), ("two", two))
        )
        declared.write(".dango/sources.yml", f"sources:\n{sources}")

    declare(1, 2)
    declared.sync()
    declare(1, "'text now'")
    declared.sync("two")

    tables = declared.tables("both")
    assert [dict(row)["v"] for row in tables["one"]] == [1]
    assert {dict(row).get("v__v_text") for row in tables["two"]} == {None, "text now"}


def test_a_module_of_an_environment_inside_the_project_stays_imported(tmp_path, monkeypatch):
    packages = tmp_path / ".venv" / "lib"
    packages.mkdir(parents=True)
    (packages / "a_package_of_somebody.py").write_text("")
    (tmp_path / "own_neighbour.py").write_text("")
    monkeypatch.setattr(user_files, "INSTALLED", (packages,))
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages), str(tmp_path)])

    with forgotten_user_modules(tmp_path):
        import a_package_of_somebody  # noqa: F401
        import own_neighbour  # noqa: F401

    assert "own_neighbour" not in sys.modules
    assert sys.modules.pop("a_package_of_somebody")


def test_a_window_finds_a_module_that_has_the_name_of_an_installed_one(project):
    project.write(
        "custom_sources/calendar.py", "def events(start_date=None, end_date=None):\n    return []\n"
    )
    project.declare(entry("cal", module="calendar", function="events"))
    (source,) = read_project(project.path).sources

    spec = with_window_arguments(source.source_spec(), window(4, 6))

    assert spec.source_kwargs == {"start_date": "2026-01-04", "end_date": "2026-01-06"}


FAILING = """
import os
import dlt

@dlt.source
def failing():
    raise ValueError("401 for https://x/?api_key=" + os.environ["MY_KEY"])
"""


def test_a_secret_in_the_error_of_a_source_is_hidden_while_planning(project, tmp_path):
    project.write("custom_sources/failing.py", FAILING)
    project.write(".env", "MY_KEY=canary-of-a-key\n")
    project.declare(entry("failing", module="failing", function="failing"))
    (source,) = read_project(project.path).sources
    masked = []

    planned = plan_load(source.plan_spec(), tmp_path / "manifest.json", mask=masked.extend)

    assert "401 for https://x/?api_key=***" in planned.warnings[0]
    assert "canary-of-a-key" in masked
    mistake = mistake_of(source, ValueError("told canary-of-a-key"))
    assert mistake.problem.endswith("told ***")


def test_a_setting_of_dlts_in_the_environment_is_masked_and_a_public_one_is_not(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("SOURCES__SHOP__API_KEY", "canary-of-a-key")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS__HOST", "db.example")
    masked = []

    read_worker_values(SourceSpec("shop:shop", tmp_path), masked.extend)

    assert "canary-of-a-key" in masked
    assert "db.example" not in masked


def test_a_module_that_ends_the_program_is_a_source_that_fails(project, tmp_path):
    project.write("custom_sources/leaving.py", "import sys\nsys.exit('set KEY')")
    project.declare(entry("leaving", module="leaving", function="leaving"))
    (source,) = read_project(project.path).sources

    planned = plan_load(source.plan_spec(), tmp_path / "manifest.json")

    assert planned.origin == "whole source"
    assert "set KEY" in planned.warnings[0]
