"""Where a manifest holds, how it is kept, and what an old one still tells."""

import json
import shutil
import stat

import pytest

from airflow_dlt_provider.core.planning.fingerprint import question_of, subject_of
from airflow_dlt_provider.core.spec import PlanSpec, SourceSpec

SOURCE = """
import os
import dlt

def tables():
    if os.environ.get("API") == "down":
        raise ConnectionError("the API is down")
    for name in ("orders", "orders_old", "customers"):
        yield dlt.resource([1], name=name)

@dlt.source
def my_source():
    yield from tables()

@dlt.source
def other():
    yield from tables()
"""


@pytest.fixture(autouse=True)
def my_api(write_module):
    write_module("my_api.py", SOURCE)


@pytest.fixture
def manifests(tmp_path):
    return tmp_path / "manifests"


def keys(planned):
    return [task.key for task in planned.plan.tasks]


def test_a_manifest_holds_where_the_folder_of_the_dag_file_is_another(plan, base_dir, tmp_path):
    first = plan("my_api:my_source")
    shutil.copytree(base_dir, tmp_path / "on_a_worker")

    second = plan("my_api:my_source", base_dir=tmp_path / "on_a_worker")

    assert (first.origin, second.origin) == ("source", "manifest")
    assert second.plan == first.plan


def test_a_manifest_does_not_hold_where_the_other_folder_has_another_source(
    plan, base_dir, tmp_path
):
    plan("my_api:my_source")
    shutil.copytree(base_dir, tmp_path / "on_a_worker")
    (tmp_path / "on_a_worker" / "my_api.py").write_text(SOURCE.replace("customers", "clients"))

    planned = plan("my_api:my_source", base_dir=tmp_path / "on_a_worker")

    assert planned.origin == "source"
    assert keys(planned)[-1] == "clients"


def test_a_plan_that_cannot_be_kept_for_want_of_a_folder_is_returned_with_a_warning(
    plan, manifests
):
    manifests.write_text("a file where the folder should be")

    planned = plan("my_api:my_source")

    assert planned.origin == "source"
    assert keys(planned) == ["orders", "orders_old", "customers"]
    assert "could not be kept" in planned.warnings[0]


def test_a_plan_that_cannot_be_put_in_its_place_leaves_no_half_written_file(plan, manifests):
    (manifests / "shop.json").mkdir(parents=True)

    planned = plan("my_api:my_source")

    assert "could not be kept" in planned.warnings[-1]
    assert [path.name for path in manifests.iterdir()] == ["shop.json"]


def test_a_manifest_may_be_read_by_the_user_who_runs_tasks(plan, manifests):
    plan("my_api:my_source")

    assert stat.S_IMODE((manifests / "shop.json").stat().st_mode) == 0o644
    assert [path.name for path in manifests.iterdir()] == ["shop.json"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"exclude": ("orders*",)}, ["customers"]),
        ({"resources": ("orders",)}, ["orders"]),
        ({"resources": ("orders*",), "exclude": ("orders_old",)}, ["orders"]),
        ({"after": {"orders": ("customers",)}}, ["orders_old", "customers", "orders"]),
    ],
)
def test_an_old_manifest_is_narrowed_to_what_is_asked(plan, monkeypatch, asked, expected):
    plan("my_api:my_source")
    monkeypatch.setenv("API", "down")

    planned = plan("my_api:my_source", **asked)

    assert planned.origin == "old manifest"
    assert sorted(keys(planned)) == sorted(expected)
    tasks = {task.key: task.after for task in planned.plan.tasks}
    assert tasks.get("orders") == (("customers",) if "after" in asked else ()) or (
        "orders" not in expected
    )


@pytest.mark.parametrize(
    "asked", [("my_api:other", {}), ("my_api:my_source", {"decompose": "none"})]
)
def test_an_old_manifest_of_another_source_or_decomposition_is_not_used(plan, monkeypatch, asked):
    plan("my_api:my_source")
    monkeypatch.setenv("API", "down")
    source, spec = asked

    planned = plan(source, **spec)

    assert planned.origin == "whole source"
    assert keys(planned) == [source.partition(":")[2]]


def test_an_old_manifest_that_does_not_know_what_is_named_is_not_used(plan, monkeypatch):
    plan("my_api:my_source")
    monkeypatch.setenv("API", "down")

    planned = plan("my_api:my_source", resources=("orders", "new"))

    assert planned.origin == "names"
    assert keys(planned) == ["orders", "new"]


def test_an_old_manifest_that_planned_no_task_for_what_is_named_is_not_used(plan, monkeypatch):
    plan("my_api:my_source", exclude=("customers",))
    monkeypatch.setenv("API", "down")

    planned = plan("my_api:my_source", resources=("orders", "customers"))

    assert planned.origin == "names"
    assert keys(planned) == ["orders", "customers"]


ASK = """
from pathlib import Path
from airflow_dlt_provider.core.planning.fingerprint import question_of
from airflow_dlt_provider.core.spec import PlanSpec, SourceSpec
values = {"alpha", "beta", "gamma", "delta", "epsilon"}
kwargs = {"only": values, "frozen": frozenset(values), "deep": [{"only": values}]}
print(question_of(PlanSpec(SourceSpec("my_api:my_source", Path("."), kwargs))))
"""


def test_a_set_in_the_arguments_asks_the_same_in_every_process(run_python, python_environment):
    questions = set()
    for seed in ("1", "2", "3"):
        python_environment["PYTHONHASHSEED"] = seed
        questions.add(run_python(ASK))

    assert len(questions) == 1


def test_a_question_knows_the_arguments_and_a_subject_does_not(base_dir):
    one, two = (
        PlanSpec(SourceSpec("my_api:my_source", base_dir, {"only": {value}})) for value in "ab"
    )

    assert question_of(one) != question_of(two)
    assert subject_of(one) == subject_of(two)


def test_a_manifest_names_files_below_the_dag_file_relative_to_it(plan, manifests):
    plan("my_api:my_source")

    assert list(json.loads((manifests / "shop.json").read_text())["files"]) == ["my_api.py"]
