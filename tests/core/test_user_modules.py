"""Modules of the user's are imported for one plan or one load, and forgotten after it."""

import sys

import pytest

from airflow_dlt_provider.core.names import module_namespace

SOURCE = """
import dlt
import counted_tables

@dlt.source
def my_source():
    for number in range(counted_tables.COUNT):
        yield dlt.resource([{"id": number}], name=f"table_{number}")
"""


def keys(planned):
    return [task.key for task in planned.plan.tasks]


@pytest.fixture
def modules_of(base_dir):
    """Names of the imported modules that lie beside the Dag file."""

    def modules_of():
        return [
            name
            for name, module in sys.modules.items()
            if name.startswith(module_namespace(str(base_dir)))
            or (getattr(module, "__file__", None) or "").startswith(str(base_dir))
        ]

    return modules_of


@pytest.fixture
def my_api(write_module):
    write_module("counted_tables.py", "COUNT = 2")
    write_module("my_api.py", SOURCE)


@pytest.mark.usefixtures("my_api")
def test_planning_leaves_no_module_of_the_users_behind(plan, modules_of):
    assert keys(plan("my_api:my_source")) == ["table_0", "table_1"]

    assert modules_of() == []


@pytest.mark.usefixtures("my_api")
def test_loading_leaves_no_module_of_the_users_behind(load, modules_of):
    load("my_api:my_source", "table_0")

    assert modules_of() == []


def test_a_plan_that_fails_leaves_no_module_of_the_users_behind(plan, write_module, modules_of):
    write_module("counted_tables.py", "COUNT = 2")
    write_module("my_api.py", SOURCE + "\n    raise ConnectionError('down')")

    assert plan("my_api:my_source").origin == "whole source"

    assert modules_of() == []


def test_a_placeholder_at_the_top_of_a_module_does_not_reach_a_later_load(plan, load, write_module):
    write_module(
        "my_api.py",
        "import dlt\nKEY = dlt.secrets['api_key']\n"
        "@dlt.resource\ndef keys():\n    yield {'key': KEY}",
    )

    assert plan("my_api:keys").origin == "source"
    load("my_api:keys", secrets_toml='api_key = "the real one"')

    assert load.tables()["keys"] == [[("key", "the real one")]]


@pytest.mark.usefixtures("my_api")
@pytest.mark.parametrize("changed", ["my_api.py", "counted_tables.py"])
def test_a_file_that_changed_between_two_plans_of_a_process_gives_the_new_plan(
    plan, write_module, changed
):
    plan("my_api:my_source")
    texts = {"my_api.py": SOURCE.replace("COUNT)", "COUNT + 1)"), "counted_tables.py": "COUNT = 3"}
    write_module(changed, texts[changed])

    planned = plan("my_api:my_source")

    assert planned.origin == "source"
    assert keys(planned) == ["table_0", "table_1", "table_2"]


def test_two_projects_of_one_process_each_get_the_neighbour_that_is_their_own(
    load, write_module, base_dir
):
    source = (
        "import dlt\n@dlt.resource(write_disposition='append')\ndef names():\n"
        "    import helpers\n    yield {'early': EARLY, 'late': helpers.NAME}\n"
        "from helpers import NAME as EARLY\n"
    )
    for project in ("one", "two"):
        write_module(f"{project}/helpers.py", f"NAME = {project!r}")
        write_module(f"{project}/my_api.py", source)

    for project in ("one", "two", "one"):
        load("my_api:names", base_dir=base_dir / project)

    assert [[value for _, value in row] for row in load.tables()["names"]] == [
        ["one", "one"],
        ["one", "one"],
        ["two", "two"],
    ]
