import pytest

from airflow_dlt_provider.core.errors import PlanError, ResourceNotFoundError

SOURCE = """
import dlt

@dlt.source
def shop():
    for name in ("orders", "order_lines", "customers"):
        yield dlt.resource([1], name=name)
    for name in ("audit", "audit_old"):
        yield dlt.resource([1], name=name, selected=False)
"""


@pytest.fixture
def keys(write_module, plan):
    """Plan the shop and return the ids of its tasks."""
    write_module("shop.py", SOURCE)

    def keys(**spec):
        return [task.key for task in plan("shop:shop", **spec).plan.tasks]

    return keys


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ["orders", "order_lines", "customers"]),
        ({"resources": ("customers", "orders")}, ["orders", "customers"]),
        ({"resources": ("order*",)}, ["orders", "order_lines"]),
        ({"resources": ("order?",)}, ["orders"]),
        ({"resources": ("[oc]*s",)}, ["orders", "order_lines", "customers"]),
        ({"resources": ("orders", "order*")}, ["orders", "order_lines"]),
        ({"exclude": ("order*",)}, ["customers"]),
        ({"resources": ("order*",), "exclude": ("orders",)}, ["order_lines"]),
    ],
)
def test_names_and_patterns_select_in_the_order_of_the_source(keys, spec, expected):
    assert keys(**spec) == expected


def test_a_deselected_resource_is_loaded_only_when_named_in_full(keys):
    assert keys(resources=("audit", "orders")) == ["orders", "audit"]
    assert keys(resources=("*",)) == ["orders", "order_lines", "customers"]


def test_a_pattern_that_matches_only_deselected_resources_selects_nothing(keys):
    with pytest.raises(PlanError, match=r"no resource is selected \(resources=\[audit\*\]"):
        keys(resources=("audit*",))


def test_an_empty_selection_says_what_was_asked_and_what_exists(keys):
    with pytest.raises(PlanError) as caught:
        keys(resources=("orders",), exclude=("ord*s",))

    assert "resources=[orders], exclude=[ord*s]" in str(caught.value)
    assert "there are: orders, order_lines, customers, audit, audit_old" in str(caught.value)


@pytest.mark.parametrize("argument", ["resources", "exclude"])
@pytest.mark.parametrize("asked", ["ordres", "x*"])
def test_an_unknown_name_or_pattern_is_an_error(keys, argument, asked):
    with pytest.raises(ResourceNotFoundError) as caught:
        keys(**{argument: (asked,)})

    assert f"{argument} names '{asked}'" in str(caught.value)
    assert "there are: orders" in str(caught.value)
    assert caught.value.asked == asked
    assert "orders" in caught.value.available


def test_an_unknown_name_comes_with_the_closest_one(keys):
    with pytest.raises(ResourceNotFoundError, match=r"did you mean 'customers'\?"):
        keys(resources=("custmers",))


def test_names_are_told_apart_by_case(keys):
    with pytest.raises(ResourceNotFoundError):
        keys(resources=("Orders",))
