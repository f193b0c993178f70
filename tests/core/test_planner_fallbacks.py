"""What becomes of a source whose function fails, or has no name of its own."""

import functools
import sys

import dlt
import pytest

from airflow_dlt_provider.core.errors import SourceReferenceError


def keys(planned):
    return [task.key for task in planned.plan.tasks]


OFFLINE = """
import os
import dlt

@dlt.source
def my_source():
    if os.environ.get("API") == "down":
        raise ConnectionError("the API is down")
    for name in ("orders", "customers"):
        yield dlt.resource([1], name=name)
"""


@pytest.fixture
def offline(write_module, monkeypatch):
    write_module("my_api.py", OFFLINE)

    def offline():
        monkeypatch.setenv("API", "down")

    return offline


def test_a_source_that_fails_keeps_the_tasks_of_the_last_plan(plan, offline):
    plan("my_api:my_source")
    offline()

    planned = plan("my_api:my_source", ttl_seconds=-1)

    assert planned.origin == "old manifest"
    assert keys(planned) == ["orders", "customers"]
    assert "the API is down" in planned.warnings[0]
    assert "tasks are those of the last plan" in planned.warnings[0]


def test_a_source_that_fails_is_planned_from_the_names_of_its_resources(plan, offline):
    offline()

    planned = plan(
        "my_api:my_source",
        resources=("orders", "customers", "audit"),
        exclude=("aud*",),
        after={"orders": ("customers",)},
    )

    assert planned.origin == "names"
    assert {task.key: task.after for task in planned.plan.tasks} == {
        "orders": ("customers",),
        "customers": (),
    }
    assert "the API is down" in planned.warnings[0]
    assert "tasks are those that `resources` names" in planned.warnings[0]


def test_a_source_that_fails_is_one_task_where_nothing_names_its_resources(plan, offline):
    offline()

    planned = plan("my_api:my_source", resources=("ord*",))

    assert planned.origin == "whole source"
    assert [(task.key, task.resources) for task in planned.plan.tasks] == [("my_source", ())]
    assert "the API is down" in planned.warnings[0]
    assert "name its tables in `resources`" in planned.warnings[0]


def test_a_makeshift_plan_is_not_kept(plan, offline, monkeypatch):
    offline()
    plan("my_api:my_source")
    monkeypatch.delenv("API")

    assert keys(plan("my_api:my_source")) == ["orders", "customers"]


def test_a_secret_nobody_knows_while_planning_does_not_hide_dynamic_resources(plan, write_module):
    write_module(
        "my_api.py",
        "import dlt\n@dlt.source\n"
        "def my_source(api_key: str = dlt.secrets.value, token: str = None):\n"
        "    for name in ('orders', 'customers'):\n"
        "        yield dlt.resource([api_key + token], name=name)",
    )

    planned = plan("my_api:my_source", kwargs={"token": "${NOT_SET_ANYWHERE}"})

    assert planned.origin == "source"
    assert keys(planned) == ["orders", "customers"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("def my_source(:", SyntaxError),
        ("import not_installed_anywhere", ImportError),
        ("def other(): ...", SourceReferenceError),
    ],
)
def test_a_mistake_of_the_user_is_raised_even_with_a_manifest(plan, write_module, text, error):
    write_module("my_api.py", OFFLINE)
    plan("my_api:my_source")
    for name in [name for name in sys.modules if name.endswith(".my_api")]:
        del sys.modules[name]
    write_module("my_api.py", text)

    with pytest.raises(error):
        plan("my_api:my_source")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("def my_source():\n    return undefined_thing()", NameError, "undefined_thing"),
        ("undefined_thing()\ndef my_source(): ...", NameError, "undefined_thing"),
        ("import dlt\ndef my_source():\n    return dlt.resorce([1])", AttributeError, "resorce"),
        ("import dlt\n@dlt.resorce\ndef my_source(): ...", AttributeError, "resorce"),
    ],
)
def test_a_misspelt_name_is_raised_and_not_taken_for_an_api_that_is_down(
    plan, write_module, text, error, message
):
    write_module("my_api.py", text)

    with pytest.raises(error, match=message):
        plan("my_api:my_source")


def test_an_attribute_of_nothing_may_be_the_fault_of_an_api_that_is_down(plan, write_module):
    write_module("my_api.py", "def my_source():\n    response = None\n    return response.tables()")

    planned = plan("my_api:my_source")

    assert planned.origin == "whole source"
    assert keys(planned) == ["my_source"]
    assert "tables" in planned.warnings[0]


@pytest.mark.parametrize(
    "function",
    [
        lambda: dlt.resource([1], name="one"),
        functools.partial(lambda data: dlt.resource(data, name="one"), [1]),
    ],
    ids=["lambda", "partial"],
)
def test_a_function_without_a_name_of_its_own_may_return_a_resource(plan, function):
    planned = plan(function)

    assert planned.origin == "source", planned.warnings
    assert keys(planned) == ["one"]


def raise_error(*_):
    raise ConnectionError("the API is down")


@pytest.mark.parametrize(
    "function",
    [
        raise_error,
        lambda: raise_error(),  # noqa: PLW0108 - the kind matters
        functools.partial(raise_error, 1),
        dlt.source(raise_error, name="down"),
    ],
    ids=["function", "lambda", "partial", "source"],
)
def test_a_function_of_any_kind_that_fails_is_one_task_with_a_warning(plan, function):
    planned = plan(function)

    assert planned.origin == "whole source"
    assert "the API is down" in planned.warnings[0]
