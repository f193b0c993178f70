import json
import sys
from unittest import mock

import dlt
import pytest

from airflow_dlt_provider.core.planning import fingerprint
from airflow_dlt_provider.core.planning.manifest import read_manifest
from airflow_dlt_provider.core.planning.source_import import import_function

SOURCE = """
import dlt
import {helper}

@dlt.source
def my_source(prefix: str = "table"):
    for number in range({helper}.TABLES):
        yield dlt.resource([1], name=f"{{prefix}}_{{number}}")

def same(source):
    return source
"""


@pytest.fixture
def helper(write_module):
    """The name of a module that the source imports; absolute imports need one per test."""
    write_module("deep_count.py", "TABLES = 2")
    write_module("table_count.py", "from deep_count import TABLES")
    write_module("my_api.py", SOURCE.format(helper="table_count"))
    return "table_count"


@pytest.fixture
def forget_user_modules(base_dir):
    """Do what a new process would: import the user's modules anew."""

    def forget():
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(str(base_dir)):
                del sys.modules[name]

    return forget


def keys(planned):
    return [task.key for task in planned.plan.tasks]


def test_with_a_manifest_planning_imports_neither_dlt_nor_the_users_module(
    helper, plan, run_python, base_dir, tmp_path
):
    plan("my_api:my_source")
    code = """
import json, sys
from pathlib import Path
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.spec import PlanSpec, SourceSpec
spec = PlanSpec(SourceSpec("my_api:my_source", Path(sys.argv[1])))
planned = plan_load(spec, Path(sys.argv[2]), ttl_seconds=3600)
print(json.dumps([planned.origin, [t.key for t in planned.plan.tasks], list(sys.modules)]))
"""

    origin, tasks, modules = json.loads(
        run_python(code, str(base_dir), str(tmp_path / "manifests" / "shop.json"))
    )

    assert origin == "manifest"
    assert tasks == ["table_0", "table_1"]
    assert "dlt" not in modules
    assert [name for name in modules if "my_api" in name or "table_count" in name] == []


def test_the_same_question_is_answered_from_the_manifest(helper, plan):
    first = plan("my_api:my_source")

    second = plan("my_api:my_source", ttl_seconds=3600)

    assert (first.origin, second.origin) == ("source", "manifest")
    assert first.plan == second.plan


@pytest.mark.parametrize(
    ("changed", "old", "new", "expected"),
    [
        ("my_api.py", '"table"', '"other"', ["other_0", "other_1"]),
        ("table_count.py", "from deep_count import TABLES", "TABLES = 1", ["table_0"]),
        ("deep_count.py", "= 2", "= 3", ["table_0", "table_1", "table_2"]),
    ],
    ids=["source", "helper", "helper of the helper"],
)
def test_a_changed_file_behind_the_source_is_planned_again(
    helper, plan, base_dir, forget_user_modules, changed, old, new, expected
):
    plan("my_api:my_source")
    path = base_dir / changed
    path.write_text(path.read_text().replace(old, new))
    forget_user_modules()

    planned = plan("my_api:my_source")

    assert (planned.origin, keys(planned)) == ("source", expected)


def test_a_changed_file_of_a_package_is_planned_again(plan, write_module, forget_user_modules):
    write_module("api/__init__.py", "from . import names\n")
    write_module("api/names.py", "from .inner.more import NAMES\n")
    write_module("api/inner/more.py", "NAMES = ['a']\n")
    write_module(
        "api/tables.py",
        "import dlt\nfrom . import names\ndef tables():\n"
        "    return [dlt.resource([1], name=name) for name in names.NAMES]",
    )
    first = plan("api.tables:tables")
    write_module("api/inner/more.py", "NAMES = ['a', 'b']\n")
    forget_user_modules()

    second = plan("api.tables:tables")

    assert (keys(first), keys(second)) == (["a"], ["a", "b"])


def test_another_version_of_dlt_is_planned_again(helper, plan):
    plan("my_api:my_source")

    with mock.patch.object(fingerprint, "dlt_version", autospec=True, return_value="99.0"):
        planned = plan("my_api:my_source")

    assert planned.origin == "source"


def test_a_changed_file_of_configure_is_planned_again(
    helper, plan, write_module, forget_user_modules
):
    configure = "def first(source):\n    return source.with_resources('table_{}')"
    write_module("my_hints.py", configure.format(0))
    first = plan("my_api:my_source", configure="my_hints:first")
    write_module("my_hints.py", configure.format(1))
    forget_user_modules()

    second = plan("my_api:my_source", configure="my_hints:first")

    assert (keys(first), keys(second)) == (["table_0"], ["table_1"])


def test_a_file_that_has_moved_is_planned_again(
    helper, plan, base_dir, write_module, forget_user_modules
):
    plan("my_api:my_source")
    (base_dir / "table_count.py").unlink()
    write_module("table_count/__init__.py", "TABLES = 1")
    forget_user_modules()

    planned = plan("my_api:my_source")

    assert (planned.origin, keys(planned)) == ("source", ["table_0"])


@pytest.mark.parametrize(
    "change",
    [
        {"kwargs": {"prefix": "x"}},
        {"resources": ("table_0",)},
        {"exclude": ("table_0",)},
        {"decompose": "none"},
        {"after": {"table_1": ("table_0",)}},
        {"configure": "my_api:same"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_question_is_planned_again(helper, plan, change):
    plan("my_api:my_source")

    assert plan("my_api:my_source", **change).origin == "source"


def test_an_old_manifest_is_planned_again_where_an_age_is_given(helper, plan):
    plan("my_api:my_source")

    assert plan("my_api:my_source", ttl_seconds=-1).origin == "source"
    assert plan("my_api:my_source", ttl_seconds=None).origin == "manifest"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"question": 1}', "null", '{"question": "x", "files": []}']
)
def test_a_manifest_that_cannot_be_read_is_made_anew(helper, plan, tmp_path, content):
    path = tmp_path / "manifests" / "shop.json"
    path.parent.mkdir()
    path.write_text(content)

    planned = plan("my_api:my_source")

    assert planned.origin == "source"
    assert read_manifest(path).plan == planned.plan


def test_a_manifest_whose_files_are_no_mapping_is_made_anew(helper, plan, tmp_path):
    plan("my_api:my_source")
    path = tmp_path / "manifests" / "shop.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": ["my_api.py"]}))

    assert plan("my_api:my_source").origin == "source"


def test_a_manifest_leaves_no_other_file_behind(helper, plan, tmp_path):
    plan("my_api:my_source")

    assert [path.name for path in (tmp_path / "manifests").iterdir()] == ["shop.json"]


def test_a_lambda_and_a_nested_function_are_never_cached(plan, tmp_path):
    @dlt.source
    def one():
        return dlt.resource([1], name="one")

    def nested():
        return one()

    for function in (nested, lambda: nested()):  # noqa: PLW0108 - the kind matters
        assert [plan(function).origin for _ in range(2)] == ["source", "source"]
    assert not (tmp_path / "manifests").exists()


def test_a_function_of_a_module_is_cached(helper, plan, base_dir):
    function = import_function("my_api:same", base_dir)

    assert plan("my_api:my_source", configure=function).origin == "source"
    assert plan("my_api:my_source", configure=function).origin == "manifest"


def test_a_source_that_reads_its_state_is_planned_as_in_a_first_run(plan, write_module):
    write_module(
        "stateful.py",
        "import dlt\n"
        "@dlt.source\n"
        "def stateful():\n"
        "    names = dlt.current.source_state().get('names', ['orders'])\n"
        "    return [dlt.resource([{'id': 1}], name=name) for name in names]\n",
    )

    planned = plan("stateful:stateful")

    assert (planned.origin, [task.key for task in planned.plan.tasks]) == ("source", ["orders"])
