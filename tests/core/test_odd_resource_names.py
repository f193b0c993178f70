"""Resources whose names read as patterns for other resources."""

import re

import pytest

from airflow_dlt_provider.core.errors import TerminalLoadError
from airflow_dlt_provider.core.names import task_key

ODD = """
import dlt

NAMES = ["orders*", "orders_old", "Q[12]", "Q1"]

@dlt.source
def odd():
    for number, name in enumerate(NAMES):
        yield dlt.resource([{"number": number}], name=name, table_name=f"table_{number}")
    yield dlt.resource([{"number": 9}], name="hidden[x]", table_name="hidden", selected=False)
    yield dlt.resource([{"number": 8}], name="hiddenx", table_name="hiddenx", selected=False)
"""


@pytest.fixture(autouse=True)
def odd(write_module):
    write_module("odd.py", ODD)


@pytest.mark.parametrize("position", range(4))
def test_a_planned_task_loads_its_own_resource_only(plan, load, position):
    task = plan("odd:odd").plan.tasks[position]

    result = load("odd:odd", *task.resource_names, task_key=task.key)

    assert [item.resource_name for item in result.resources] == list(task.resource_names)
    assert load.tables() == {f"table_{position}": [[("number", position)]]}


def test_every_odd_name_has_a_task_of_its_own(plan):
    tasks = plan("odd:odd").plan.tasks

    assert [task.resource_names for task in tasks] == [
        ("orders*",),
        ("orders_old",),
        ("Q[12]",),
        ("Q1",),
    ]
    assert len({task.key for task in tasks}) == 4


def test_a_deselected_resource_that_is_named_in_full_is_planned_and_loaded(plan, load):
    (task,) = plan("odd:odd", resources=("hidden[x]",)).plan.tasks

    load("odd:odd", *task.resource_names, task_key=task.key)

    assert task.resource_names == ("hidden[x]",)
    assert load.tables() == {"hidden": [[("number", 9)]]}


def test_a_task_whose_resource_is_gone_does_not_load_what_its_name_matches(load, write_module):
    write_module("odd.py", ODD.replace('"orders*", ', "").replace('"Q[12]", ', ""))

    for name in ("orders*", "Q[12]"):
        with pytest.raises(TerminalLoadError, match=f"this task names {re.escape(repr(name))}"):
            load("odd:odd", name, task_key=task_key(name))

    assert not load.data_dir.exists() or load.tables() == {}


ITEMS = """
import dlt
def items():
    return dlt.resource([{"id": 1}], name="my-items", table_name="items")
"""


@pytest.mark.parametrize("pipeline_name", ["shop", "nightly-shop", "9lives"])
def test_a_pipeline_or_a_resource_may_have_a_name_that_is_no_schema_name(
    plan, load, write_module, pipeline_name
):
    write_module("items.py", ITEMS)
    (task,) = plan("items:items").plan.tasks

    load(
        "items:items",
        *task.resource_names,
        task_key=task.key,
        pipeline_name=pipeline_name,
        dataset_name="raw",
    )

    assert load.tables("raw", f"{pipeline_name}.duckdb") == {"items": [[("id", 1)]]}
