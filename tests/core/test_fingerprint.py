"""Which files of the user's a plan depends on."""

import json
import multiprocessing
import os

import pytest

from airflow_dlt_provider.core.planning.fingerprint import fingerprint_of
from airflow_dlt_provider.core.planning.from_source import plan_from_source
from airflow_dlt_provider.core.planning.manifest import Manifest, read_manifest, write_manifest
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedResource, PlannedTask
from airflow_dlt_provider.core.spec import PlanSpec, SourceSpec


@pytest.fixture
def files_behind(base_dir):
    """Names of the files that a plan of a source depends on."""

    def files_behind(source):
        spec = PlanSpec(SourceSpec(source, base_dir))
        _, files = plan_from_source(spec)
        return set(fingerprint_of(spec, files).files)

    return files_behind


RESOURCES = "    return [dlt.resource([1], name=name) for name in NAMES]\n"


def test_a_module_that_is_imported_inside_the_function_counts(write_module, files_behind):
    write_module("inner_names.py", "NAMES = ['a']")
    write_module(
        "inner_api.py", f"import dlt\ndef shop():\n    from inner_names import NAMES\n{RESOURCES}"
    )

    assert files_behind("inner_api:shop") == {"inner_api.py", "inner_names.py"}


def test_the_packages_around_a_module_count(write_module, files_behind):
    write_module("around/__init__.py", "PREFIX = 'x'")
    write_module("around/deep/__init__.py", "")
    write_module("around/deep/names.py", "NAMES = ['a']")
    write_module(
        "around_api.py",
        "import dlt\nimport around.deep.names\nfrom around.deep.names import NAMES\n"
        f"def shop():\n{RESOURCES}",
    )

    assert files_behind("around_api:shop") == {
        "around_api.py",
        "around/__init__.py",
        "around/deep/__init__.py",
        "around/deep/names.py",
    }


def test_the_package_of_the_source_and_its_relative_imports_count(write_module, files_behind):
    write_module("relative_shop/__init__.py", "from .names import NAMES")
    write_module("relative_shop/names.py", "NAMES = ['a']")
    write_module(
        "relative_shop/api.py", f"import dlt\nfrom . import NAMES\ndef shop():\n{RESOURCES}"
    )

    assert files_behind("relative_shop.api:shop") == {
        "relative_shop/__init__.py",
        "relative_shop/names.py",
        "relative_shop/api.py",
    }


def test_a_module_that_is_imported_by_name_counts(write_module, files_behind):
    write_module("named_names.py", "NAMES = ['a']")
    write_module(
        "named_api.py",
        "import dlt, importlib\n"
        "NAMES = importlib.import_module('named_' + 'names').NAMES\n"
        f"def shop():\n{RESOURCES}",
    )

    assert files_behind("named_api:shop") == {"named_api.py", "named_names.py"}


def test_a_data_file_does_not_count(write_module, files_behind, base_dir):
    (base_dir / "names.json").write_text('["a"]')
    write_module(
        "data_api.py",
        "import dlt, json, pathlib\n"
        "NAMES = json.loads(pathlib.Path(__file__).with_name('names.json').read_text())\n"
        f"def shop():\n{RESOURCES}",
    )

    assert files_behind("data_api:shop") == {"data_api.py"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "Expecting value"),
        (b'{"question": "x"', "delimiter"),
        (b"\x80\x04\x95 a pickle", "decode"),
        (b"[]", "list"),
        (b'{"question": "x", "subject": "y", "files": {}}', "plan"),
    ],
    ids=["empty", "cut off", "binary", "a list", "half"],
)
def test_a_file_that_is_no_manifest_is_named_in_a_warning_and_replaced(
    write_module, plan, tmp_path, content, problem
):
    write_module("plain_api.py", f"import dlt\nNAMES = ['a']\ndef shop():\n{RESOURCES}")
    path = tmp_path / "manifests" / "shop.json"
    path.parent.mkdir()
    path.write_bytes(content)

    first, second = plan("plain_api:shop"), plan("plain_api:shop")

    assert first.origin == "source"
    assert f"{path} is no manifest that can be read" in first.warnings[0]
    assert problem in first.warnings[0]
    assert (second.origin, second.warnings) == ("manifest", ())


def manifest(spec, name, number):
    resources = [PlannedResource(f"{name}_{n}", f"{name}_{n}", "append") for n in range(number)]
    tasks = tuple(PlannedTask(item.name, (item,)) for item in resources)
    return Manifest(fingerprint_of(spec, []), LoadPlan(tasks), 1.0)


def write_often(path, name, base_dir):
    spec = PlanSpec(SourceSpec("any_api:shop", base_dir))
    for _ in range(40):
        write_manifest(path, manifest(spec, name, 50))


def test_no_reader_sees_half_of_what_several_processes_write(tmp_path, base_dir):
    path = tmp_path / "manifests" / "shop.json"
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=write_often, args=(path, name, base_dir)) for name in ("one", "two")
    ]
    for writer in writers:
        writer.start()

    seen = set()
    while any(writer.is_alive() for writer in writers):
        found = read_manifest(path)
        if found is not None:
            # all of one writer
            (name,) = {task.key.partition("_")[0] for task in found.plan.tasks}
            assert len(found.plan.tasks) == 50
            seen.add(name)

    assert [writer.exitcode for writer in writers] == [0, 0]
    assert seen
    assert [item.name for item in path.parent.iterdir()] == ["shop.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_another_user_is_read_and_not_written(write_module, plan, tmp_path):
    write_module("own_api.py", f"import dlt\nNAMES = ['a']\ndef shop():\n{RESOURCES}")
    plan("own_api:shop")
    (tmp_path / "manifests").chmod(0o555)

    assert plan("own_api:shop").origin == "manifest"
    assert "could not be kept" in plan("own_api:shop", ttl_seconds=-1).warnings[0]


ASK = """
import json, sys
from pathlib import Path
from airflow_dlt_provider.core.planning import fingerprint
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.spec import PlanSpec, SourceSpec
fingerprint.dlt_version = lambda: sys.argv[3]
planned = plan_load(PlanSpec(SourceSpec("own_api:shop", Path(sys.argv[1]))), Path(sys.argv[2]))
print(json.dumps([planned.origin, [task.key for task in planned.plan.tasks]]))
"""


def test_two_versions_of_dlt_that_share_a_folder_never_take_the_others_plan(
    write_module, run_python, base_dir, tmp_path
):
    write_module("own_api.py", f"import dlt\nNAMES = ['a']\ndef shop():\n{RESOURCES}")
    path = str(tmp_path / "manifests" / "shop.json")

    found = [
        json.loads(run_python(ASK, str(base_dir), path, version))
        for version in ("1.30", "1.31", "1.30")
    ]

    assert found == [["source", ["a"]]] * 3
