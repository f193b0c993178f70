"""What a plan knows of a resource's hints, and how the documentation of its task tells it."""

import json

import pytest

from airflow_dlt_provider.core.planning.plan import DeclaredTable, PlannedResource, PlannedTask
from airflow_dlt_provider.core.planning.task_docs import MAX_COLUMNS, escaped, task_docs

HINTS = """
import dlt
from datetime import date
from dlt.sources import incremental

@dlt.source
def shop(since="2021-05-05"):
    @dlt.resource(
        primary_key=["id", "shop"],
        write_disposition={"disposition": "merge", "strategy": "scd2"},
        columns={"id": {"data_type": "bigint"}, "note": {"nullable": True}},
        nested_hints={"lines": {"primary_key": "sku", "columns": {"sku": {"data_type": "text"}}},
                      ("lines", "taxes"): {"columns": [{"name": "rate", "data_type": "decimal"}]}},
    )
    def orders(new=incremental("updated_at", initial_value="2024-01-01")):
        yield []

    @dlt.resource(columns={"id": {"data_type": "bigint", "primary_key": True}})
    def of_today(new=incremental("day", initial_value=str(date.today()))):
        yield []

    @dlt.resource
    def numbered(new=incremental("number")):
        yield []

    @dlt.resource
    def given(new=incremental("at", initial_value="2020-01-01")):
        yield []

    @dlt.resource(table_name=lambda row: row["kind"], primary_key=lambda row: "id")
    def dispatched():
        yield []

    @dlt.transformer(data_from=orders)
    def lines(order, new=incremental("line")):
        yield order

    plain = dlt.resource([], name="plain")
    hinted = dlt.resource([], name="hinted")
    hinted.apply_hints(incremental=incremental("nested.at", initial_value=5))
    return [orders, of_today, numbered(new=incremental(initial_value=7)),
            given(new=incremental(initial_value=since)), dispatched, lines, plain, hinted]
"""


@pytest.fixture
def planned(plan, write_module):
    """Resource -> what was planned of it."""
    write_module("shop_hints.py", HINTS)
    plan("shop_hints:shop", kwargs={"since": "2022-06-06"})
    # the second one is read from the manifest
    planned = plan("shop_hints:shop", kwargs={"since": "2022-06-06"})
    assert planned.origin == "manifest"
    return {item.name: item for task in planned.plan.tasks for item in task.resources}


def test_a_plan_knows_what_is_declared_of_a_table(planned):
    assert planned["orders"].declared == DeclaredTable(("id", "shop"), {"id": "bigint", "note": ""})
    assert planned["of_today"].declared.primary_key == ("id",)
    assert planned["plain"].declared == planned["dispatched"].declared == DeclaredTable()


def test_a_plan_knows_what_is_declared_of_nested_tables(planned):
    assert planned["orders"].nested == {
        "lines": DeclaredTable(("sku",), {"sku": "text"}),
        "lines.taxes": DeclaredTable((), {"rate": "decimal"}),
    }


@pytest.mark.parametrize(
    ("resource", "path", "initial_value"),
    [
        ("orders", "updated_at", "2024-01-01"),
        ("numbered", "number", "7"),
        ("given", "at", "2022-06-06"),
        ("lines", "line", None),
        ("hinted", "nested.at", "5"),
        ("plain", None, None),
    ],
)
def test_a_plan_knows_the_cursor_wherever_it_is_declared(planned, resource, path, initial_value):
    item = planned[resource]

    assert (item.cursor_path, item.initial_value) == (path, initial_value)


def test_a_value_that_differs_from_day_to_day_is_left_out(planned):
    assert (planned["of_today"].cursor_path, planned["of_today"].initial_value) == ("day", None)


def test_hints_that_cannot_be_read_stop_no_plan(plan, write_module, messages):
    write_module(
        "odd_hints.py",
        "import dlt\ndef odd():\n    resource = dlt.resource([], name='odd')\n"
        "    resource._hints['columns'] = 5\n    return resource\n",
    )

    (task,) = plan("odd_hints:odd").plan.tasks

    assert task.resources[0].declared == DeclaredTable()
    assert "'odd': its hints cannot be described" in messages()


def test_a_manifest_of_an_older_format_is_read_where_the_source_cannot_be_asked(
    plan, write_module, tmp_path
):
    module = write_module("shop_hints.py", HINTS)
    plan("shop_hints:shop")
    path = tmp_path / "manifests" / "shop.json"
    manifest = json.loads(path.read_text())
    for task in manifest["plan"]["tasks"]:
        for resource in task["resources"]:
            for name in ("declared", "nested", "cursor_path", "initial_value"):
                del resource[name]
    path.write_text(json.dumps(manifest | {"question": "of another format"}))
    module.write_text(HINTS + "\ndef shop():\n    raise ConnectionError('offline')\n")

    planned = plan("shop_hints:shop")

    assert planned.origin == "old manifest"
    assert {item.name: item for task in planned.plan.tasks for item in task.resources}[
        "orders"
    ] == PlannedResource("orders", "orders", "scd2")


def test_the_docs_tell_all_of_it():
    resource = PlannedResource(
        "orders",
        "orders",
        "merge",
        DeclaredTable(("id",), {"id": "bigint", "note": ""}),
        {"lines": DeclaredTable(("sku",), {"sku": "text"})},
        "updated_at",
        "2024-01-01",
    )

    docs = task_docs(PlannedTask("orders", (resource,), extracted_again=("users",)), ["shop"])

    assert (
        docs
        == r"""### orders

| resource | orders |
| --- | --- |
| source | shop |
| table | orders |
| write disposition | merge |
| primary key | id |
| cursor | updated\_at, from 2024-01-01 |
| extracted again for this task | users |

| column | type |
| --- | --- |
| id | bigint |
| note |  |

Nested in lines, primary key sku

| column | type |
| --- | --- |
| sku | text |"""
    )


def test_a_name_is_never_markup():
    assert escaped("<script>alert(1)</script>") == r"\<script\>alert\(1\)\</script\>"
    assert escaped("a|b`c`[d](e)\n# f &lt;") == r"a\|b\`c\`\[d\]\(e\) \# f \&lt;"


def test_odd_names_stay_in_their_cells():
    resource = PlannedResource("a|b\n", "a_b", "append", DeclaredTable(("<b>",), {"x|y": "text"}))

    docs = task_docs(PlannedTask("a", (resource,)), ["s"])

    cells = [line.replace(r"\|", "").count("|") for line in docs.splitlines() if line[:1] == "|"]
    assert set(cells) == {3}
    assert r"\<b\>" in docs


def test_a_wide_table_shows_its_first_columns():
    columns = {f"c{number}": "text" for number in range(MAX_COLUMNS + 1200)}
    resource = PlannedResource("wide", "wide", "append", DeclaredTable((), columns))

    docs = task_docs(PlannedTask("wide", (resource,)), ["s"])

    assert docs.endswith("and 1,200 more columns")
    assert docs.count("| text |") == MAX_COLUMNS


def test_a_source_that_was_not_planned_has_docs_too():
    assert "could not be planned" in task_docs(PlannedTask("whole", ()), [])
