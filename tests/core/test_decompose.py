import itertools

import pytest

from airflow_dlt_provider.core.errors import (
    DependencyCycleError,
    PlanError,
    ResourceNotFoundError,
    TableConflictError,
)

TREE = """
import dlt

@dlt.resource
def parent():
    yield {"id": 1}

@dlt.transformer(data_from=parent)
def child(row):
    yield row

@dlt.transformer(data_from=child)
def grandchild(row):
    yield row

@dlt.transformer(data_from=parent)
def sibling(row):
    yield row

@dlt.resource
def alone():
    yield {"id": 1}

@dlt.source
def tree():
    return parent, child, grandchild, sibling, alone

@dlt.source
def hidden_parent():
    return parent | child, alone

@dlt.source
def several_tables():
    for name in ("a", "b", "c"):
        yield dlt.resource([1], name=name)

def two_sources():
    return [tree().with_resources("alone"), several_tables()]

def same_name_twice():
    return [tree(), tree()]
"""


@pytest.fixture
def tasks(write_module, plan):
    """Plan and return task id -> (loaded resources, resources extracted again)."""
    write_module("trees.py", TREE)

    def tasks(function, **spec):
        planned = plan(f"trees:{function}", **spec).plan.tasks
        return {task.key: (task.resource_names, task.extracted_again) for task in planned}

    return tasks


def test_by_resource_every_resource_is_a_task_that_extracts_its_parents_again(tasks):
    assert tasks("tree") == {
        "parent": (("parent",), ()),
        "child": (("child",), ("parent",)),
        "grandchild": (("grandchild",), ("child", "parent")),
        "sibling": (("sibling",), ("parent",)),
        "alone": (("alone",), ()),
    }


def test_by_component_transformers_ride_with_the_resource_that_feeds_them(tasks):
    assert tasks("tree", decompose="component") == {
        "parent": (("parent", "child", "grandchild", "sibling"), ()),
        "alone": (("alone",), ()),
    }


def test_undecomposed_everything_is_one_task(tasks):
    assert tasks("tree", decompose="none") == {
        "tree": (("parent", "child", "grandchild", "sibling", "alone"), ())
    }


@pytest.mark.parametrize("decompose", ["resource", "component"])
def test_a_parent_that_the_source_hides_is_extracted_and_not_loaded(tasks, decompose):
    assert tasks("hidden_parent", decompose=decompose) == {
        "child": (("child",), ("parent",)),
        "alone": (("alone",), ()),
    }


def test_a_component_without_its_root_is_named_after_the_first_that_is_loaded(tasks):
    assert tasks("tree", decompose="component", exclude=("parent", "alone", "child")) == {
        "grandchild": (("grandchild", "sibling"), ("child", "parent"))
    }


def test_an_excluded_parent_is_extracted_and_not_loaded(tasks):
    assert tasks("tree", decompose="none", resources=("sibling",)) == {
        "tree": (("sibling",), ("parent",))
    }


def test_extracting_a_resource_more_than_once_is_reported_with_the_count(write_module, plan):
    write_module("trees.py", TREE)

    by_resource = plan("trees:tree").warnings
    by_component = plan("trees:tree", decompose="component").warnings

    assert "'parent' is extracted 4 times" in by_resource[0]
    assert 'decompose="component" extracts it once' in by_resource[0]
    assert any("'child' is extracted 2 times" in warning for warning in by_resource)
    assert by_component == ()


def test_a_transformer_alone_costs_nothing_extra_and_warns_of_nothing(write_module, plan):
    write_module("trees.py", TREE)

    assert plan("trees:tree", resources=("child",)).warnings == ()


@pytest.mark.parametrize("decompose", ["resource", "component", "none"])
def test_the_same_source_gives_the_same_plan(write_module, plan, decompose):
    write_module("trees.py", TREE)
    first = plan("trees:tree", decompose=decompose)

    second = plan("trees:tree", decompose=decompose, ttl_seconds=-1)

    assert (first.origin, second.origin) == ("source", "source")
    assert first.plan == second.plan


def test_several_sources_put_their_name_in_front(tasks):
    assert list(tasks("two_sources")) == [
        "tree__alone",
        "several_tables__a",
        "several_tables__b",
        "several_tables__c",
    ]
    assert list(tasks("two_sources", resources=("several_tables__b",))) == ["several_tables__b"]
    assert list(tasks("two_sources", decompose="none")) == ["tree__several_tables"]


def test_two_sources_of_one_name_are_refused(tasks):
    with pytest.raises(PlanError, match="2 sources are named 'tree'"):
        tasks("same_name_twice")


def test_dynamic_resources_are_tasks_like_any_other(tasks):
    assert list(tasks("several_tables")) == ["a", "b", "c"]


def test_the_plan_knows_every_resource_of_the_source_loaded_or_not(write_module, plan):
    write_module("trees.py", TREE)

    planned = plan("trees:several_tables", resources=("b",))

    assert planned.plan.known_resources == ("a", "b", "c")


TABLES = """
import dlt

@dlt.source
def shared(disposition):
    yield dlt.resource([1], name="one", table_name="Items", write_disposition="append")
    yield dlt.resource([1], name="two", table_name="items", write_disposition=disposition)
"""


@pytest.mark.parametrize("disposition", ["replace", {"disposition": "replace"}])
def test_a_table_that_one_task_replaces_and_another_writes_is_an_error(
    write_module, plan, disposition
):
    write_module("tables.py", TABLES)

    with pytest.raises(TableConflictError, match="'one' and 'two' write one table, 'items'"):
        plan("tables:shared", kwargs={"disposition": disposition})


@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_a_table_that_two_tasks_add_to_is_a_warning(write_module, plan, disposition):
    write_module("tables.py", TABLES)

    planned = plan("tables:shared", kwargs={"disposition": disposition})

    assert [task.key for task in planned.plan.tasks] == ["one", "two"]
    assert "resources one, two write one table, 'items'" in planned.warnings[0]


def test_one_task_may_write_a_table_from_two_resources(write_module, plan):
    write_module("tables.py", TABLES)

    planned = plan("tables:shared", kwargs={"disposition": "replace"}, decompose="none")

    assert planned.plan.tasks[0].resource_names == ("one", "two")
    assert planned.warnings == ()


def test_the_plan_knows_table_and_disposition(write_module, plan):
    write_module("tables.py", TABLES)

    first, second = plan("tables:shared", kwargs={"disposition": "merge"}).plan.tasks

    assert (first.resources[0].table_name, first.resources[0].write_disposition) == (
        "items",
        "append",
    )
    assert second.resources[0].write_disposition == "merge"


@pytest.fixture
def after(write_module, plan):
    """Plan with an order and return task id -> ids of the tasks before it."""
    write_module("trees.py", TREE)

    def after(order, function="several_tables", **spec):
        tasks = plan(f"trees:{function}", after=order, **spec).plan.tasks
        return {task.key: task.after for task in tasks}

    return after


def test_after_names_the_tasks_before(after):
    assert after({"a": ("c", "b")}) == {"a": ("b", "c"), "b": (), "c": ()}
    assert after({"[bc]": ("a",)}) == {"a": (), "b": ("a",), "c": ("a",)}


@pytest.mark.parametrize("order", [{"x": ("a",)}, {"a": ("x",)}])
def test_an_order_of_unknown_resources_is_an_error(after, order):
    with pytest.raises(ResourceNotFoundError, match=r"after.* names 'x'.*there are: a, b, c"):
        after(order)


def test_an_order_that_goes_round_in_a_circle_is_an_error(after):
    order = {"a": ("b",), "b": ("c",), "c": ("a",)}

    with pytest.raises(DependencyCycleError) as caught:
        after(order)

    circle = caught.value.task_ids
    assert set(circle) == {"a", "b", "c"}
    assert all(earlier in order[later] for later, earlier in itertools.pairwise(circle))
    assert "take one of these entries out" in str(caught.value)


def test_an_order_inside_one_task_is_no_circle(after):
    order = {"child": ("parent",), "alone": ("child",)}

    assert after(order, "tree", decompose="component") == {"parent": (), "alone": ("parent",)}


def test_two_resources_whose_tasks_would_share_an_id_are_refused(write_module, plan):
    write_module(
        "pairs.py",
        "import dlt\ndef pair():\n"
        "    make = lambda s, r: dlt.source(lambda: dlt.resource([1], name=r), name=s)()\n"
        "    return [make('a', 'b__c'), make('a__b', 'c')]",
    )

    with pytest.raises(PlanError, match="2 tasks would be named 'a__b__c'"):
        plan("pairs:pair")
