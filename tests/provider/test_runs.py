"""Whole Dags, run with `dag.test()` into DuckDB."""

import pytest

from airflow_dlt_provider.core.loading.result import LoadResult


def test_a_run_loads_every_selected_resource(dag_folder, run_dag, states, table_rows):
    run = run_dag(dag_folder.dag('dag = DltDag("run_all", "shop_source:shop")'))

    assert run.state == "success"
    assert set(states(run).values()) == {"success"}
    tables = "select table_name from information_schema.tables where table_schema = 'run_all'"
    assert {name for (name,) in table_rows("run_all", tables) if not name.startswith("_dlt")} == {
        "orders",
        "orders__lines",
        "customers",
        "price_list",
    }
    assert table_rows("run_all", "select id from run_all.run_all.customers order by id") == [
        (1,),
        (2,),
        (3,),
    ]


def test_every_task_returns_its_load_result(dag_folder, run_dag, returned):
    run = run_dag(dag_folder.dag('dag = DltDag("run_results", "shop_source:shop")'))

    documents = returned(run)
    result = LoadResult.from_dict(documents["orders"])
    (load,) = result.resources
    assert result.to_dict() == documents["orders"]
    assert result.pipeline_name == "run_results__orders"
    assert load.rows_by_table == {"orders": 2, "orders__lines": 3}
    assert (load.cursor_before, load.cursor_after) == ({}, {"id": 2})
    assert len(result.load_ids) == 1


def test_finish_returns_the_rows_of_every_resource(dag_folder, run_dag, returned):
    run = run_dag(dag_folder.dag('dag = DltDag("run_finish", "shop_source:shop")'))

    assert returned(run)["finish"] == {"orders": 5, "customers": 3, "prices": 1}


def test_a_second_run_goes_on_from_the_cursor(dag_folder, run_dag, returned, table_rows):
    dag = dag_folder.dag('dag = DltDag("run_twice", "shop_source:shop")')
    run_dag(dag)

    run = run_dag(dag)

    assert returned(run)["finish"] == {"orders": 0, "customers": 3, "prices": 1}
    assert table_rows("run_twice", "select count(*) from run_twice.run_twice.orders") == [(2,)]
    assert table_rows("run_twice", "select count(*) from run_twice.run_twice.customers") == [(3,)]


@pytest.mark.parametrize("decompose", ["resource", "component", "none"])
def test_every_decomposition_loads_the_same_rows(
    dag_folder, run_dag, returned, table_rows, decompose
):
    name = f"run_{decompose}"
    run = run_dag(
        dag_folder.dag(f'dag = DltDag("{name}", "shop_source:tree", decompose="{decompose}")')
    )

    assert run.state == "success"
    assert returned(run)["finish"] == {"users": 2, "posts": 2, "likes": 2, "alone": 1}
    assert table_rows(name, f"select user_id from {name}.{name}.likes order by 1") == [(1,), (2,)]


def test_several_sources_load_into_one_dataset(dag_folder, run_dag, returned):
    run = run_dag(dag_folder.dag('dag = DltDag("run_both", "shop_source:both")'))

    assert returned(run)["finish"] == {
        "shop__orders": 5,
        "shop__customers": 3,
        "shop__prices": 1,
        "other__orders": 1,
    }


def test_a_group_loads_and_its_tasks_may_be_followed(dag_folder, run_dag, returned):
    dag = dag_folder.dag("""
with DAG("run_group") as dag:
    load = DltTaskGroup("load", "shop_source:shop", resources=["customers", "prices"])
    @task
    def count(rows): return sum(rows.values())
    count(load.get_child_by_label("finish").output)
""")

    run = run_dag(dag)

    assert run.state == "success"
    assert returned(run)["load.finish"] == {"customers": 3, "prices": 1}
    assert returned(run)["count"] == 4


def test_configure_is_applied_in_the_task(dag_folder, run_dag, returned):
    dag = dag_folder.dag("""
def shortened(source):
    source.customers.add_limit(1).add_filter(lambda row: row["id"] > 1)
    return source
dag = DltDag("run_configure", "shop_source:shop", resources=["customers"], configure=shortened)
""")

    run = run_dag(dag)

    assert returned(run)["finish"] == {"customers": 2}


def test_asset_events_carry_rows_load_and_cursor(dag_folder, run_dag, returned):
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    run = run_dag(dag_folder.dag('dag = DltDag("run_assets", "shop_source:shop")'))

    with create_session() as session:
        events = session.query(AssetEvent).filter_by(source_run_id=run.run_id)
        extras = {
            event.asset.name: event.extra for event in events if event.source_dag_id == "run_assets"
        }
    assert set(extras) == {
        f"run_assets/run_assets/{t}" for t in ("orders", "customers", "price_list")
    }
    assert extras["run_assets/run_assets/orders"] == {
        "rows": 2,
        "rows_by_table": {"orders": 2, "orders__lines": 3},
        "load_ids": list(returned(run)["orders"]["load_ids"]),
        "cursor": {"id": 2},
        "kind": "load",
        "destination": "duckdb",
        "dataset": "run_assets",
    }


def test_the_operator_works_alone_in_a_dag_of_the_users(dag_folder, run_dag, returned):
    dag = dag_folder.dag("""
with DAG("run_operator") as dag:
    DltResourceOperator(
        task_id="mine", source="shop_source:shop", resource_names=["customers", "prices"]
    )
""")

    run = run_dag(dag)

    result = LoadResult.from_dict(returned(run)["mine"])
    assert result.pipeline_name == "run_operator__mine"
    assert [load.resource_name for load in result.resources] == ["customers", "prices"]
