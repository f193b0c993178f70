"""What becomes of a run when a load fails."""

FAILING_SOURCE = """
import os
from pathlib import Path
import dlt

@dlt.source
def failing(error="RuntimeError", times=99):
    @dlt.resource
    def good():
        yield [{"id": 1}]

    @dlt.resource
    def bad():
        tries = Path(__file__).with_name("tries")
        tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
        if len(tries.read_text()) <= times:
            raise {"RuntimeError": RuntimeError, "ImportError": ImportError}[error]("no such luck")
        yield [{"id": 2}]

    return good, bad
"""

RETRIED = """
from datetime import timedelta
dag = DltDag("{dag_id}", "failing_source:failing", source_kwargs={kwargs},
    task_options={{"*": {{"retries": 2, "retry_delay": timedelta(0)}}}})
"""


def tries(dag_folder):
    return len((dag_folder.path / "tries").read_text())


def test_a_failed_load_fails_finish_and_the_run_and_leaves_the_other_tables(
    dag_folder, run_dag, states, table_rows, capture_task_errors
):
    dag_folder.write("failing_source.py", FAILING_SOURCE)
    dag = dag_folder.dag('dag = DltDag("fail_one", "failing_source:failing")')

    run = run_dag(dag)

    assert run.state == "failed"
    assert states(run) == {"good": "success", "bad": "failed", "finish": "failed"}
    assert table_rows("fail_one", "select id from fail_one.fail_one.good") == [(1,)]
    assert capture_task_errors["finish"] == [
        "1 of 2 loads did not succeed: bad; their logs say why, and clearing them runs them again"
    ]


def test_what_follows_a_failed_load_fails_finish_too(dag_folder, run_dag, states):
    dag_folder.write("failing_source.py", FAILING_SOURCE)
    dag = dag_folder.dag("""
dag = DltDag("fail_after", "failing_source:failing", after={"good": ["bad"]})
""")

    run = run_dag(dag)

    assert states(run) == {"bad": "failed", "good": "upstream_failed", "finish": "failed"}


def test_a_skipped_load_does_not_fail_the_run(dag_folder, run_dag, states):
    dag = dag_folder.dag("""
from airflow.sdk.exceptions import AirflowSkipException
def skip(context):
    raise AirflowSkipException
dag = DltDag("skip_one", "shop_source:shop", task_options={"orders": {"pre_execute": skip}})
""")

    run = run_dag(dag)

    assert run.state == "success"
    assert states(run)["orders"] == "skipped"


def test_an_error_that_would_come_again_is_not_retried(
    dag_folder, run_dag, states, capture_task_errors
):
    dag_folder.write("failing_source.py", FAILING_SOURCE)
    dag = dag_folder.dag(RETRIED.format(dag_id="fail_terminal", kwargs='{"error": "ImportError"}'))

    run = run_dag(dag)

    assert states(run)["bad"] == "failed"
    assert tries(dag_folder) == 1
    (error,) = capture_task_errors["bad"]
    assert "pipeline 'fail_terminal__bad' failed in step 'extract'" in error
    assert "no such luck" in error


def test_an_error_that_may_go_away_is_retried_with_airflows_retries(
    dag_folder, run_dag, states, table_rows
):
    dag_folder.write("failing_source.py", FAILING_SOURCE)
    dag = dag_folder.dag(RETRIED.format(dag_id="fail_transient", kwargs='{"times": 1}'))

    run = run_dag(dag)

    assert run.state == "success"
    assert tries(dag_folder) == 2
    (bad,) = [ti for ti in run.get_task_instances() if ti.task_id == "bad"]
    assert bad.try_number == 2
    assert table_rows("fail_transient", "select id from fail_transient.fail_transient.bad") == [
        (2,)
    ]


def test_retries_end(dag_folder, run_dag, states):
    dag_folder.write("failing_source.py", FAILING_SOURCE)
    dag = dag_folder.dag(RETRIED.format(dag_id="fail_always", kwargs="{}"))

    run = run_dag(dag)

    assert states(run)["bad"] == "failed"
    assert tries(dag_folder) == 3


def test_a_resource_that_has_vanished_fails_its_task_and_names_those_that_exist(
    dag_folder, run_dag, capture_task_errors, forget_user_modules
):
    dag = dag_folder.dag('dag = DltDag("vanished", "shop_source:shop")')
    text = (dag_folder.path / "shop_source.py").read_text()
    dag_folder.write("shop_source.py", text.replace("return orders, customers,", "return orders,"))
    forget_user_modules()

    run_dag(dag)

    (error,) = capture_task_errors["customers"]
    assert "'customers', which matches no resource; there are: orders, prices, archive" in error


def test_a_failed_try_leaves_no_working_folder(dag_folder, run_dag, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DLT__WORKING_DIR", str(tmp_path / "work"))
    dag_folder.write("failing_source.py", FAILING_SOURCE)

    run_dag(dag_folder.dag('dag = DltDag("fail_folder", "failing_source:failing")'))

    assert list((tmp_path / "work").iterdir()) == []
