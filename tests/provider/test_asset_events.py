"""What Dags that are scheduled on a table see of its loads."""

import pytest

GROWING = """
import dlt

@dlt.source
def growing(until):
    @dlt.resource(write_disposition="append")
    def orders(new=dlt.sources.incremental("id")):
        yield [
            {"id": id, "lines": [{"sku": "a"}, {"sku": "b"}]} for id in range(until)
            if new.last_value is None or id > new.last_value
        ]

    return orders
"""


@pytest.fixture(autouse=True)
def growing_source(dag_folder):
    dag_folder.write("growing_source.py", GROWING)


@pytest.fixture
def load_until(dag_folder, run_dag):
    """Run a Dag of the growing source, with a Dag that is scheduled on its table."""

    def load(dag_id, until, arguments=""):
        dag_folder.write_dag(f"""
from airflow.sdk import Asset
name = "{dag_id}/{dag_id}/orders"
dag = DltDag("{dag_id}", "growing_source:growing", source_kwargs={{"until": {until}}}, {arguments})
with DAG("{dag_id}_report", schedule=[Asset(name=name, uri="x-dlt://" + name)]) as report:
    @task
    def print_report(): ...
    print_report()
""")
        dags = dag_folder.load()
        schedule(dags[f"{dag_id}_report"])
        run = run_dag(dags[dag_id])
        assert run.state == "success"
        return run

    return load


def schedule(dag):
    """Make a Dag known to the database, as the Dag processor does, and let it run."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name="testing"))
    bag = DagBag(dag_folder="/dev/null")
    bag.bag_dag(dag)
    sync_bag_to_db(bag, bundle_name="testing", bundle_version=None)
    with create_session() as session:
        # a paused Dag is not triggered by an asset
        session.get(DagModel, dag.dag_id).is_paused = False


def events(name):
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rows = session.scalars(
            select(AssetEvent)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .where(AssetModel.name == name)
            .order_by(AssetEvent.id)
        )
        return [(event.source_run_id, event.extra) for event in rows]


def is_triggered(dag_id):
    """Tell whether the scheduler would now run a Dag for its asset, and take that as done."""
    from airflow.models.asset import AssetDagRunQueue
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        table = AssetDagRunQueue
        return session.execute(delete(table).where(table.target_dag_id == dag_id)).rowcount == 1


def test_an_event_says_what_the_load_wrote(load_until):
    run = load_until("asset_extra", 2)

    ((run_id, extra),) = events("asset_extra/asset_extra/orders")
    assert run_id == run.run_id
    assert extra["rows"] == 2
    assert extra["rows_by_table"] == {"orders": 2, "orders__lines": 4}
    assert extra["cursor"] == {"id": 1}
    assert len(extra["load_ids"]) == 1


def test_an_event_says_what_was_unusual_about_the_load(
    dag_folder, run_dag, forget_user_modules, returned
):
    text = """
import dlt
def prices():
    return dlt.resource({rows}, name="prices", write_disposition="replace")
dag = DltDag("asset_odd", prices)
"""
    for rows in ([{"id": 1}] * 10, [{"id": 1, "tax": 2}]):
        forget_user_modules()
        run = run_dag(dag_folder.dag(text.format(rows=rows)))

    first, second = (extra for _, extra in events("asset_odd/asset_odd/prices"))
    assert "warnings" not in first
    assert second["warnings"] == [
        "table prices got 1 rows, 10 % of the 10 of the last ordinary load",
        "table prices has new columns: tax",
    ]
    assert returned(run)["prices"]["resources"][0]["warnings"] == second["warnings"]


def test_a_load_of_no_rows_gives_an_event_unless_told_otherwise(load_until):
    for until in (2, 2):
        load_until("asset_empty", until)

    extras = [extra for _, extra in events("asset_empty/asset_empty/orders")]
    assert [extra["rows"] for extra in extras] == [2, 0]
    assert is_triggered("asset_empty_report")


def test_a_load_of_no_rows_triggers_nothing_when_asked_for(load_until):
    triggered = []
    for until in (2, 2, 3):
        load_until("asset_rows", until, "emit_when_empty=False")
        triggered.append(is_triggered("asset_rows_report"))

    assert triggered == [True, False, True]
    extras = [extra for _, extra in events("asset_rows/asset_rows/orders")]
    assert [extra["rows"] for extra in extras] == [2, 1]


def test_other_outlets_of_an_empty_load_have_their_events(load_until):
    arguments = (
        'emit_when_empty=False, task_options={"orders": {"outlets": [Asset("asset_other_report")]}}'
    )
    for until in (2, 2):
        load_until("asset_other", until, arguments)

    assert len(events("asset_other_report")) == 2
    assert len(events("asset_other/asset_other/orders")) == 1


def test_the_graph_shows_the_asset_of_a_load_that_may_be_silent(dag_folder):
    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop", emit_when_empty=False)')

    assert [asset.name for asset in dag.get_task("orders").outlets] == ["shop/shop/orders"]


def test_a_table_of_two_resources_is_silent_when_both_are_empty(
    dag_folder, run_dag, forget_user_modules
):
    text = """
import dlt
def feeds():
    return [
        dlt.resource([{{"id": 1}}] * count, name=name, table_name="feed")
        for name, count in (("one", {one}), ("two", {two}))
    ]
dag = DltDag("asset_two", feeds, decompose="none", emit_when_empty=False)
"""
    for one, two in ((0, 1), (0, 0)):
        forget_user_modules()
        run_dag(dag_folder.dag(text.format(one=one, two=two)))

    assert len(events("asset_two/asset_two/feed")) == 1
