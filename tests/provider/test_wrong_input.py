"""What a Dag file gets for wrong input: one clear error, or a Dag all the same."""

import pytest

from airflow_dlt_provider.core.errors import PlanError


def last_line(error: str) -> str:
    return error.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("dag", "expected"),
    [
        (
            'dag = DltDag("d", "shop_source:shop", resources=["order"])',
            (
                "resources names 'order', which matches no resource; there are: orders, customers,"
                " prices, archive (did you mean 'orders'?)"
            ),
        ),
        (
            'dag = DltDag("d", "shop_source:shop", exclude=["x*"])',
            (
                "exclude names 'x*', which matches no resource; there are: orders, customers,"
                " prices, archive"
            ),
        ),
        (
            'dag = DltDag("d", "shop_source:shop", task_options={"nothing_*": {"retries": 1}})',
            (
                "task_options names 'nothing_*', which matches no resource; there are: orders,"
                " customers, prices"
            ),
        ),
        (
            'dag = DltDag("d", "shop_source:shop", after={"orders": ["customer"]})',
            (
                "after['orders'] names 'customer', which matches no resource; there are: orders,"
                " customers, prices (did you mean 'customers'?)"
            ),
        ),
        (
            'dag = DltDag("d", "shop_source:shop", resources=[])',
            (
                "no resource is selected (resources=[], exclude=[]); there are: orders, customers,"
                " prices, archive"
            ),
        ),
        (
            'dag = DltDag("d", "shop_source:shop", resources="orders")',
            "resources='orders' is text; write a list: resources=['orders']",
        ),
        (
            'dag = DltDag("d", "shop_source:shop", exclude="orders")',
            "exclude='orders' is text; write a list: exclude=['orders']",
        ),
        (
            'dag = DltDag("d", "shop_source:shop", after={"orders": "customers"})',
            "after='customers' is text; write a list: after=['customers']",
        ),
        (
            'dag = DltDag("d", "shop_source:shop", decompose="resources")',
            "decompose='resources' is unknown; there are: resource, component, none",
        ),
        (
            'dag = DltDag("d", "shop_source.shop")',
            ('\'shop_source.shop\': expected "module:function", for example "my_api:my_source"'),
        ),
        (
            'dag = DltDag("d", "shop_source:shopp")',
            "there are: other, shop, tree (did you mean 'shop'?)",
        ),
        (
            'dag = DltDag("d", "shop_sauce:shop")',
            (
                "and none is installed; Python modules there: shop_source, the_dag_file"
                " (did you mean 'shop_source'?)"
            ),
        ),
        (
            'dag = DltDag("d", "shop_source:shop", source_kwargs={"page": 1})',
            "source_kwargs do not fit shop()",
        ),
        (
            'dag = DltDag("d", "shop_source:shop", after={"orders": ["pr*"], "prices": ["or*"]})',
            "after= goes round in a circle",
        ),
    ],
)
def test_wrong_input_is_an_import_error_that_says_what_there_is(dag_folder, dag, expected):
    error = dag_folder.error(dag)

    assert expected in last_line(error)


def test_two_tasks_that_write_one_table_are_an_import_error_when_one_replaces_it(dag_folder):
    error = dag_folder.error("""
import dlt
def events():
    return [
        dlt.resource([1], name="web", table_name="events", write_disposition="replace"),
        dlt.resource([1], name="app", table_name="events"),
    ]
dag = DltDag("events", events)
""")

    assert "resources 'web' and 'app' write one table, 'events'" in last_line(error)
    assert 'decompose="none"' in last_line(error)


def test_a_source_that_returns_nothing_is_an_import_error(dag_folder):
    error = dag_folder.error("""
def nothing():
    return None
dag = DltDag("nothing", nothing)
""")

    assert "nothing() returned None, which holds nothing to load" in last_line(error)


def test_a_module_that_cannot_be_imported_is_an_import_error_that_names_the_cause(dag_folder):
    dag_folder.write("broken.py", "import not_installed_anywhere\n")

    error = dag_folder.error('dag = DltDag("d", "broken:source")')

    assert "No module named 'not_installed_anywhere'" in last_line(error)


def test_an_argument_that_does_not_exist_is_never_ignored(dag_folder):
    error = dag_folder.error('dag = DltDag("d", "shop_source:shop", full_refreshh=True)')

    assert "TypeError" in last_line(error)
    assert "full_refreshh" in last_line(error)


def test_an_unknown_resource_is_a_value_error_too():
    assert issubclass(PlanError, ValueError)


def test_a_secret_that_is_not_known_does_not_keep_a_dag_from_parsing(dag_folder):
    dag_folder.write(
        "secret_source.py",
        """
import dlt
@dlt.source
def secret(token: str = dlt.secrets.value):
    return [dlt.resource([token], name="one"), dlt.resource([token], name="two")]
""",
    )

    dag = dag_folder.dag('dag = DltDag("secret", "secret_source:secret")')

    assert set(dag.task_dict) == {"one", "two", "finish"}


RAISES = """
def unreachable():
    raise RuntimeError("no network here")
"""


def test_a_source_that_cannot_be_planned_is_one_task(dag_folder):
    dag_folder.write("unreachable_source.py", RAISES)

    dag = dag_folder.dag(
        'dag = DltDag("u", "unreachable_source:unreachable", task_options={"*": {"retries": 7}})'
    )

    assert set(dag.task_dict) == {"unreachable", "finish"}
    assert dag.resource_tasks["unreachable"] is dag.get_task("unreachable")


def test_the_options_for_all_tasks_also_reach_the_one_task_of_an_unplanned_source(dag_folder):
    dag_folder.write("unreachable_source.py", RAISES)

    dag = dag_folder.dag(
        'dag = DltDag("u", "unreachable_source:unreachable", task_options={"*": {"retries": 7}})'
    )

    assert dag.get_task("unreachable").retries == 7


def test_a_partial_that_cannot_be_planned_is_one_task_too(dag_folder):
    dag = dag_folder.dag(f"""
import functools
{RAISES}
dag = DltDag("u", functools.partial(unreachable))
""")

    assert len(dag.task_dict) == 2


def test_a_source_that_cannot_be_planned_takes_its_tasks_from_resources(dag_folder):
    dag_folder.write("unreachable_source.py", RAISES)

    dag = dag_folder.dag(
        'dag = DltDag("u", "unreachable_source:unreachable", resources=["a", "b"],'
        ' after={"b": ["a"]})'
    )

    assert set(dag.task_dict) == {"a", "b", "finish"}
    assert dag.get_task("b").upstream_task_ids == {"a"}


def test_a_source_that_stops_being_plannable_keeps_its_last_tasks(dag_folder, forget_user_modules):
    dag_folder.write(
        "flaky_source.py", "import dlt\ndef flaky():\n    return dlt.resource([1], name='rows')\n"
    )
    dag_folder.dag('dag = DltDag("flaky", "flaky_source:flaky")')
    dag_folder.write("flaky_source.py", RAISES.replace("unreachable", "flaky"))
    forget_user_modules()

    dag = dag_folder.dag('dag = DltDag("flaky", "flaky_source:flaky")')

    assert set(dag.task_dict) == {"rows", "finish"}
