"""Full refresh from the trigger form: what its params are, and what they do in a run."""

import pytest

GROWING = """
import dlt

@dlt.source
def shop(until):
    @dlt.resource(write_disposition="append")
    def orders(new=dlt.sources.incremental("id")):
        yield [{"id": n, "run": until} for n in range(until)]

    @dlt.resource(write_disposition="merge", primary_key="id")
    def customers(new=dlt.sources.incremental("id")):
        yield [{"id": n, "run": until} for n in range(until)]

    @dlt.resource(write_disposition="append")
    def visits(new=dlt.sources.incremental("id")):
        yield [{"id": n, "run": until} for n in range(until)]

    return orders, customers, visits
"""


@pytest.fixture
def growing(dag_folder):
    """Return the Dag of a shop that has grown so far."""
    dag_folder.write("growing.py", GROWING)

    def build(dag_id, until, arguments=""):
        kwargs = f'source_kwargs={{"until": {until}}}'
        dag_folder.write_dag(f'dag = DltDag("{dag_id}", "growing:shop", {kwargs}, {arguments})')
        dags = dag_folder.load()
        assert dag_folder.import_errors == {}
        return dags[dag_id]

    return build


@pytest.fixture
def runs(table_rows):
    """Return how far the source had grown when the rows of a table were loaded."""

    def read(dag_id, table):
        query = f"select run from {dag_id}.{dag_id}.{table} order by id"
        return [row[0] for row in table_rows(dag_id, query)]

    return read


def test_the_trigger_form_asks_for_resources_and_how_to_refresh_them(growing):
    dag = growing("form", 1)

    assert dag.params.dump() == {
        "resources": None,
        "full_refresh": False,
        "refresh_mode": "replace",
        "allow_empty_replace": False,
        "backfill_from": None,
        "backfill_to": None,
        "replay_run_id": None,
    }
    resources = dag.params.get_param("resources").schema
    assert resources["examples"] == ["orders", "customers", "visits"]
    assert resources["items"]["enum"] == resources["examples"]


def test_params_of_the_users_own_are_kept(growing):
    dag = growing("kept", 1, 'params={"full_refresh": True, "until": 3}')

    assert dag.params["full_refresh"] is True
    assert dag.params["until"] == 3


def test_two_of_three_tables_are_refreshed_and_the_third_is_skipped(growing, run_dag, states, runs):
    run_dag(growing("two", 2))

    conf = {"full_refresh": True, "resources": ["orders", "customers"]}
    run = run_dag(growing("two", 4), run_conf=conf)

    assert states(run) == {
        "orders": "success",
        "customers": "success",
        "visits": "skipped",
        "finish": "success",
    }
    assert runs("two", "orders") == runs("two", "customers") == [4, 4, 4, 4]
    assert runs("two", "visits") == [2, 2]


def test_the_run_after_a_refresh_is_an_ordinary_one(growing, run_dag, runs):
    run_dag(growing("after", 2))
    run_dag(growing("after", 3), run_conf={"full_refresh": True, "resources": ["orders"]})

    run_dag(growing("after", 5))

    # dlt takes a changed row at the cursor for a new one
    assert runs("after", "orders") == [3, 3, 3, 5, 5, 5]
    assert runs("after", "visits") == [2, 2, 5, 5, 5, 5]


def test_a_run_without_a_refresh_may_load_some_resources(growing, run_dag, states, runs):
    run = run_dag(growing("a_few", 2), run_conf={"resources": ["visits"]})

    assert states(run)["orders"] == "skipped"
    assert runs("a_few", "visits") == [2, 2]


def test_what_comes_after_a_skipped_resource_is_loaded_all_the_same(growing, run_dag, states):
    dag = growing("ordered", 2, 'after={"orders": ["customers"]}')

    run = run_dag(dag, run_conf={"resources": ["orders"]})

    assert states(run)["orders"] == "success"


def test_the_event_of_a_table_says_that_it_was_refreshed(growing, run_dag):
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session

    run = run_dag(growing("event", 2), run_conf={"full_refresh": True, "resources": ["orders"]})

    with create_session() as session:
        events = session.query(AssetEvent, AssetModel).filter(
            AssetEvent.asset_id == AssetModel.id, AssetEvent.source_run_id == run.run_id
        )
        found = {
            asset.name: event.extra for event, asset in events if event.source_dag_id == "event"
        }
    assert list(found) == ["event/event/orders"]
    assert found["event/event/orders"]["kind"] == "refresh"
    assert found["event/event/orders"]["rows"] == 2


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"full_refresh": True, "replay_run_id": "x"}, "full_refresh and replay_run_id exclude"),
        ({"backfill_from": "2026-01-01T00:00:00Z"}, "param 'backfill_to' is empty"),
        (
            {"backfill_from": "2026-01-02T00:00:00Z", "backfill_to": "2026-01-01T00:00:00Z"},
            "holds nothing",
        ),
    ],
)
def test_params_that_contradict_each_other_fail_the_run(
    growing, run_dag, capture_task_errors, conf, message
):
    run_dag(growing("wrong", 1, 'resources=["orders"]'), run_conf=conf)

    (error,) = capture_task_errors["orders"]
    assert message in error


def test_a_param_of_the_users_that_means_something_else_says_so(
    growing, run_dag, capture_task_errors
):
    run_dag(growing("other", 1, 'resources=["orders"], params={"resources": 4}'))

    (error,) = capture_task_errors["orders"]
    assert "Give a param of your own that means something else another name" in error


def test_a_full_refresh_dag_loads_by_the_pipelines_of_its_base(
    dag_folder, growing, run_dag, runs, states
):
    growing("base", 2, "full_refresh_dag=True, schedule='@daily', tags=['raw']")
    dags = dag_folder.load()
    base, refresh = dags["base"], dags["base__full_refresh"]

    assert refresh.schedule is None
    assert refresh.tags == {"raw"}
    assert refresh.params["full_refresh"] is True
    assert refresh.fileloc == base.fileloc
    assert list(refresh.resource_tasks) == list(base.resource_tasks)
    for name, task in base.resource_tasks.items():
        other = refresh.resource_tasks[name]
        assert (other.pipeline_name, other.task_key) == (task.pipeline_name or "base", name)
        assert other.outlets == task.outlets
    run_dag(base)

    growing("base", 4, "full_refresh_dag=True")
    run = run_dag(dag_folder.load()["base__full_refresh"], run_conf={"resources": ["orders"]})

    assert states(run)["visits"] == "skipped"
    assert runs("base", "orders") == [4, 4, 4, 4]
    assert runs("base", "visits") == [2, 2]
    growing("base", 5, "full_refresh_dag=True")
    run_dag(dag_folder.load()["base"])
    assert runs("base", "orders") == [4, 4, 4, 4, 5, 5]


def test_without_being_asked_for_there_is_no_full_refresh_dag(dag_folder, growing):
    growing("alone", 1)

    assert list(dag_folder.load()) == ["alone"]


def test_a_branch_that_skips_a_group_skips_all_of_it(dag_folder, growing, run_dag, states):
    growing("unused", 1)
    dag = dag_folder.dag("""
with DAG("branched") as dag:
    @task.branch
    def choose():
        return "other"

    @task
    def other():
        pass

    load = DltTaskGroup("load", "growing:shop", source_kwargs={"until": 1},
        after={"orders": ["customers"]})
    choose() >> [other(), load]
""")

    skipped = states(run_dag(dag))

    assert skipped["load.customers"] == skipped["load.orders"] == "skipped"


def test_a_full_refresh_dag_refreshes_whatever_its_base_does_by_default(dag_folder, growing):
    growing("careful", 1, 'full_refresh_dag=True, params={"full_refresh": False}')
    dags = dag_folder.load()

    assert dags["careful"].params["full_refresh"] is False
    assert dags["careful__full_refresh"].params["full_refresh"] is True


def test_params_of_the_users_own_stay_in_their_place_and_reach_the_tasks(dag_folder):
    dag = dag_folder.dag("""
own = {"full_refresh": False, "of__resources": 1, "until": 3}
with DAG("report", params=own) as dag:
    one = DltTaskGroup("one", "shop_source:shop")
    two = DltTaskGroup("two", "shop_source:tree")
""")

    names = list(dag.params)
    assert names[:3] == ["full_refresh", "of__resources", "until"]
    groups = [name.partition("__")[0] for name in names[3:]]
    assert groups == ["one"] * 7 + ["two"] * 7
    assert set(dag.get_task("two.users").params) == {"full_refresh", "of__resources", "until"}
