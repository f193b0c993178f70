"""The guard of tables that each load replaces: in a Dag file, and in a run's params."""

import pytest

SHRINKING = """
import dlt

@dlt.source
def shop(until):
    @dlt.resource(write_disposition="replace")
    def prices():
        yield [{"id": n} for n in range(until)]

    return prices
"""


@pytest.fixture
def shrinking(dag_folder, run_dag, capture_task_errors, table_rows):
    """Run a Dag of a shop, and return its errors and the rows that are there then."""
    dag_folder.write("shrinking.py", SHRINKING)

    def run(dag_id, until, arguments="", **conf):
        kwargs = f'source_kwargs={{"until": {until}}}'
        dag = dag_folder.dag(f'dag = DltDag("{dag_id}", "shrinking:shop", {kwargs}, {arguments})')
        capture_task_errors.clear()
        run_dag(dag, run_conf=conf)
        errors = capture_task_errors.get("prices", [])
        ((rows,),) = table_rows(dag_id, f"select count(*) from {dag_id}.{dag_id}.prices")
        return errors, rows

    return run


def test_a_table_is_emptied_as_dlt_does_by_default(shrinking):
    shrinking("unguarded", 2)

    assert shrinking("unguarded", 0) == ([], 0)


def test_a_guarded_table_is_emptied_by_a_run_that_says_so(shrinking):
    guarded = "allow_empty_replace=False"
    shrinking("guarded", 2, guarded)

    (error,), rows = shrinking("guarded", 0, guarded)

    assert "the param allow_empty_replace" in error
    assert rows == 2
    assert shrinking("guarded", 0, guarded, allow_empty_replace=True) == ([], 0)


def test_a_group_hands_the_guard_to_its_tasks(dag_folder):
    dag = dag_folder.dag("""
with DAG("grouped") as dag:
    DltTaskGroup("load", "shop_source:shop", allow_empty_replace=False)
""")

    assert dag.get_task("load.prices").allow_empty_replace is False


def test_the_form_says_that_the_param_is_about_any_load(dag_folder):
    dag = dag_folder.dag('dag = DltDag("shop", "shop_source:shop")')

    param = dag.params.get_param("allow_empty_replace")
    assert param.description == (
        "Let the run empty a table of which the source has no rows: by a full refresh, or because "
        "the table is replaced by each load."
    )
