"""A source whose resources are packed into a few tasks."""

from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from airflow_dlt_provider import settings
from airflow_dlt_provider.cli import app
from airflow_dlt_provider.core import names

BATCHES = 'dag = DltDag("shop", "shop_source:shop", max_tasks=2)'


def test_resources_are_packed_into_so_many_tasks(dag_folder):
    dag = dag_folder.dag(BATCHES)

    finish, first, second = dag.tasks
    assert first.resource_names == ("orders", "prices")
    assert second.resource_names == ("customers",)
    assert first.task_id.startswith("orders_and_1_more_")
    assert (second.task_id, finish.task_id) == ("customers", "finish")
    assert dag.resource_tasks["prices"] is dag.resource_tasks["orders"]


def test_each_resource_keeps_its_asset(dag_folder):
    packed = dag_folder.dag(BATCHES).resource_tasks["orders"]

    names = [asset.name for asset in packed.outlets]
    assert names == ["shop/shop/orders", "shop/shop/price_list"]


def test_the_trigger_form_offers_each_resource(dag_folder):
    dag = dag_folder.dag(BATCHES)

    offered = dag.params.get_param("resources").schema["items"]["enum"]
    assert offered == ["orders", "customers", "prices"]


def test_resources_that_feed_each_other_stay_together(dag_folder):
    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:tree", max_tasks=1)')

    assert dag.resource_tasks["likes"].resource_names == ("users", "posts", "likes", "alone")


def test_resources_with_options_of_their_own_get_a_task_of_their_own(dag_folder):
    dag = dag_folder.dag("""
dag = DltDag(
    "shop", "shop_source:shop", max_tasks=2, task_options={"orders": {"pool": "api"}},
)
""")

    assert dag.resource_tasks["orders"].pool == "api"
    assert dag.resource_tasks["customers"].resource_names == ("customers", "prices")
    assert dag.resource_tasks["customers"].pool == "default_pool"


def test_a_group_is_packed_too(dag_folder):
    dag = dag_folder.dag("""
with DAG("report") as dag:
    load = DltTaskGroup("load", "shop_source:shop", max_tasks=1)
""")

    (task_id,) = (task_id for task_id in dag.task_ids if not task_id.endswith("finish"))
    assert task_id.startswith("load.orders_and_2_more_")


@pytest.mark.parametrize("max_tasks", [0, "'4'", 2.5])
def test_what_is_no_number_of_tasks_is_an_import_error(dag_folder, max_tasks):
    error = dag_folder.error(f'dag = DltDag("shop", "shop_source:shop", max_tasks={max_tasks})')

    assert "is no whole number above 0" in error


def test_an_unknown_on_failure_is_an_import_error(dag_folder):
    error = dag_folder.error('dag = DltDag("shop", "shop_source:shop", on_failure="go on")')

    assert "on_failure='go on' is unknown; there are: continue, stop" in error


def test_a_worker_that_packs_otherwise_stops_and_says_why(dag_folder, monkeypatch):
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "shop")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "orders_and_2_more_0123abcd")

    error = dag_folder.error(BATCHES)

    assert "'orders_and_2_more_0123abcd' is no batch of max_tasks=2 here" in error
    assert "there are: customers, orders_and_1_more_" in error


def test_the_process_of_a_batch_builds_it_alone(dag_folder, monkeypatch):
    task_id = dag_folder.dag(BATCHES).resource_tasks["orders"].task_id
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "shop")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", task_id)

    assert list(dag_folder.dag(BATCHES).task_dict) == [task_id]


def test_a_run_loads_all_and_a_refresh_of_one_leaves_the_others(dag_folder, run_dag, table_rows):
    dag = dag_folder.dag(BATCHES)
    run_dag(dag)
    before = table_rows("shop", "SELECT _dlt_load_id FROM shop.shop.price_list")
    orders = table_rows("shop", "SELECT count(*) FROM shop.shop.orders")

    run_dag(dag, run_conf={"full_refresh": True, "resources": ["orders"]})

    assert table_rows("shop", "SELECT _dlt_load_id FROM shop.shop.price_list") == before
    assert table_rows("shop", "SELECT count(*) FROM shop.shop.orders") == orders
    (load_id,) = {row[0] for row in table_rows("shop", "SELECT _dlt_load_id FROM shop.shop.orders")}
    assert load_id > before[0][0]


FAILING = """
import dlt

def resource(name):
    def rows(id=dlt.sources.incremental("id")):
        if name == "broken":
            raise ValueError("out of order")
        yield {"id": 1}
    return dlt.resource(rows, name=name)

@dlt.source
def failing():
    return [resource(name) for name in ("first", "broken", "last")]
"""


def test_a_resource_that_fails_names_itself_and_the_others_are_loaded(
    dag_folder, run_dag, states, table_rows, capture_task_errors
):
    dag_folder.write("failing_source.py", FAILING)
    dag = dag_folder.dag('dag = DltDag("failing", "failing_source:failing", max_tasks=1)')

    run = run_dag(dag)

    (task_id,) = (task_id for task_id in dag.task_ids if task_id != "finish")
    assert states(run) == {task_id: "failed", "finish": "failed"}
    assert "resource 'broken'" in capture_task_errors[task_id][0]
    assert "The others are loaded: first, last" in capture_task_errors[task_id][0]
    assert table_rows("failing", "SELECT id FROM failing.failing.first") == [(1,)]
    assert table_rows("failing", "SELECT id FROM failing.failing.last") == [(1,)]


CATALOG = """
import dlt
from pathlib import Path

@dlt.source
def listed():
    for name in Path(__file__).with_name("catalog.txt").read_text().split():
        yield dlt.resource([{"id": 1}], name=name)
"""

LISTED = 'dag = DltDag("shop", "catalog_source:listed", max_tasks=2)'


@pytest.fixture
def worker_of_old_plan(dag_folder, tmp_path, monkeypatch):
    """A worker that keeps the plan of a source as it was; returns the tasks planned since."""
    monkeypatch.setattr(settings, "manifest_dir", lambda: tmp_path / "worker")
    dag_folder.write("catalog_source.py", CATALOG)
    dag_folder.write("catalog.txt", "a b c d")
    dag_folder.dag(LISTED)
    dag_folder.write("catalog.txt", "a b c d e")
    with monkeypatch.context() as scheduler:
        scheduler.setattr(settings, "manifest_dir", lambda: tmp_path / "scheduler")
        return dag_folder.dag(LISTED).resource_tasks


@pytest.fixture
def in_task(monkeypatch):
    """Make this the process of one task of the Dag `shop`."""

    def set_task(task_id):
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "shop")
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", task_id)

    return set_task


def test_a_worker_whose_own_plan_is_older_plans_again_and_finds_the_batch(
    dag_folder, worker_of_old_plan, in_task
):
    task_id = worker_of_old_plan["e"].task_id
    in_task(task_id)

    dag = dag_folder.dag(LISTED)

    assert list(dag.task_dict) == [task_id]
    assert dag.get_task(task_id).resource_names == ("a", "c", "e")


def test_a_worker_that_has_planned_again_keeps_that_plan(dag_folder, worker_of_old_plan, in_task):
    in_task(worker_of_old_plan["e"].task_id)
    dag_folder.dag(LISTED)

    with patch(
        "airflow_dlt_provider.core.planning.from_source.plan_from_source", autospec=True
    ) as plan_from_source:
        dag_folder.dag(LISTED)

    assert plan_from_source.call_count == 0


def test_a_worker_whose_source_has_other_resources_than_the_scheduler_planned_says_so(
    dag_folder, worker_of_old_plan, in_task
):
    in_task(worker_of_old_plan["e"].task_id)
    dag_folder.write("catalog.txt", "a b c d e f g")

    error = dag_folder.error(LISTED)

    assert "there are: a_and_3_more" in error
    assert "start a new run when the Dag has been planned again" in error


def test_a_worker_that_cannot_reach_the_source_says_why_its_plan_is_old(
    dag_folder, worker_of_old_plan, in_task
):
    in_task(worker_of_old_plan["e"].task_id)
    (dag_folder.path / "catalog.txt").unlink()

    error = dag_folder.error(LISTED)

    assert "FileNotFoundError" in error
    assert "clear the task" in error


def test_a_worker_with_another_committed_manifest_says_so(dag_folder, in_task):
    dag_folder.write_dag(BATCHES)
    done = CliRunner().invoke(app, ["manifest", "build", str(dag_folder.path)])
    assert done.exit_code == 0, done.output
    in_task("orders_and_2_more_0123abcd")

    error = dag_folder.error(BATCHES)

    assert "another version of the Dag file, or of the committed manifest" in error


def test_the_task_of_a_group_is_planned_again_too(dag_folder, tmp_path, monkeypatch):
    text = """
with DAG("report") as dag:
    load = DltTaskGroup("load", "catalog_source:listed", max_tasks=1)
"""
    monkeypatch.setattr(settings, "manifest_dir", lambda: tmp_path / "worker")
    dag_folder.write("catalog_source.py", CATALOG)
    dag_folder.write("catalog.txt", "a b")
    dag_folder.dag(text)
    dag_folder.write("catalog.txt", "a b c")
    task_id = f"load.{names.batch_key(['a', 'b', 'c'])}"
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "report")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", task_id)

    assert task_id in dag_folder.dag(text).task_dict
