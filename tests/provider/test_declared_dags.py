"""The Dags of declared sources: what of a `sources.yml` becomes what of Airflow."""

import subprocess
import sys
from datetime import timedelta

import pytest

SOURCES = """
version: '1.0'
sources:
  - name: shop
    type: dlt_native
    description: All that is sold
    tags: [sales, demo]
    dlt_native:
      source_module: shop_source
      source_function: shop
    airflow:
      schedule: every_6h
      start_date: 2026-01-01
      resources: [orders, customers]
      after: {orders: [customers]}
      pool: api
      retries: 3
      retry_delay: 5m
      execution_timeout: 1h
      max_active_tasks: 2
      task_options: {orders: {retries: 7}}
      full_refresh_dag: true
  - name: other
    type: dlt_native
    dlt_native: {source_module: shop_source, source_function: other}
  - name: unused
    type: dlt_native
    enabled: false
    dlt_native: {source_module: shop_source, source_function: other}
"""

SCHEDULES = """
schedules:
  - {name: morning, cron: daily, sources: [other], timezone: Europe/Berlin, timeout_minutes: 30}
"""

DAG_FILE = "globals().update(load_dags('.'))"


@pytest.fixture
def project(dag_folder):
    """A project whose `.dango/` and `custom_sources/` lie beside the Dag file."""
    source = (dag_folder.path / "shop_source.py").rename(dag_folder.path / "moved.py")
    dag_folder.write("custom_sources/shop_source.py", source.read_text())
    source.unlink()
    dag_folder.write(".dango/sources.yml", SOURCES)
    dag_folder.write_dag(DAG_FILE)
    return dag_folder


def test_each_enabled_source_is_a_dag_of_its_registered_name(project):
    dags = project.load()

    assert project.import_errors == {}
    assert set(dags) == {"shop", "shop__full_refresh", "other"}
    assert set(dags["shop"].task_ids) == {"orders", "customers", "finish"}
    assert set(dags["other"].task_ids) == {"orders", "finish"}


def test_what_the_file_says_is_said_to_airflow(project):
    dag = project.load()["shop"]

    assert (dag.description, dag.tags) == ("All that is sold", {"sales", "demo"})
    assert dag.max_active_tasks == 2
    assert dag.timetable.expression == "0 */6 * * *"
    assert dag.start_date.isoformat() == "2026-01-01T00:00:00+00:00"
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    orders, customers = dag.get_task("orders"), dag.get_task("customers")
    assert (orders.retries, customers.retries) == (7, 3)
    assert orders.upstream_task_ids == {"customers"}
    for task in (orders, customers):
        assert task.pool == "api"
        assert task.retry_delay == timedelta(minutes=5)
        assert task.execution_timeout == timedelta(hours=1)


def test_a_schedule_of_schedules_yml_is_that_of_its_sources(project):
    project.write(".dango/schedules.yml", SCHEDULES)

    dags = project.load()

    assert dags["other"].timetable.expression == "0 6 * * *"
    assert str(dags["other"].timetable.timezone) == "Europe/Berlin"
    # its days begin there, too
    assert str(dags["other"].timezone) == "Europe/Berlin"
    assert str(dags["shop"].timezone) == "UTC"
    assert dags["other"].dagrun_timeout == timedelta(minutes=30)
    assert dags["shop"].timetable.expression == "0 */6 * * *"


def test_a_preset_of_airflows_is_in_the_time_zone_of_its_schedule(project):
    project.write(".dango/schedules.yml", SCHEDULES.replace("cron: daily", "cron: '@daily'"))

    timetable = project.load()["other"].timetable

    assert (timetable.expression, str(timetable.timezone)) == ("0 0 * * *", "Europe/Berlin")


def test_a_schedule_without_times_stands_alone(project):
    second = "  - {name: once, cron: '@once', sources: [other], timezone: Europe/Berlin}\n"
    project.write(".dango/schedules.yml", SCHEDULES + second)

    dags = project.load()

    assert dags["other"].timetable.expression == "0 6 * * *"
    assert "@once cannot stand beside" in dags["mistakes_in_schedules_yml"].description


def test_options_of_all_tasks_leave_the_pool_as_it_is(project):
    text = SOURCES.replace(
        "task_options: {orders: {", "task_options: {'*': {queue: big}, orders: {"
    )
    project.write(".dango/sources.yml", text)

    tasks = project.load()["shop"].tasks

    assert {task.pool for task in tasks} == {"api"}
    assert {task.queue for task in tasks if task.task_id != "finish"} == {"big"}


def test_text_that_looks_like_a_template_is_left_alone(project, run_dag, table_rows):
    project.write(
        "custom_sources/echo.py",
        "import dlt\n\ndef echo(text):\n    return dlt.resource([{'text': text}], name='echoed')\n",
    )
    project.write(
        ".dango/sources.yml",
        "sources:\n  - name: echo\n    type: dlt_native\n    dlt_native:\n"
        "      source_module: echo\n      source_function: echo\n"
        "      function_kwargs: {text: '{{ ds }}'}\n",
    )

    assert run_dag(project.load()["echo"]).state == "success"
    assert table_rows("warehouse", "select text from raw_echo.echoed") == [("{{ ds }}",)]


WORDS = "very_" * 60


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("name: other", f"name: {WORDS}"),
        ("name: other", f"tags: [{WORDS}]\n    name: other"),
        ("name: other", "airflow: {start_date: 0001-01-01T00:00:00+05:00}\n    name: other"),
        ("name: other", "airflow: {task_options: {'*': {retry_delay: soon}}}\n    name: other"),
    ],
)
def test_what_airflow_would_refuse_is_a_mistake_of_its_source_alone(project, written, wrong):
    project.write(".dango/sources.yml", SOURCES.replace(written, wrong, 1))

    dags = project.load()

    assert project.import_errors == {}
    assert "orders" in dags["shop"].task_ids
    assert sum("mistake" in dag.tags for dag in dags.values()) == 1


def test_durations_of_task_options_are_text(project):
    text = SOURCES.replace("retries: 7}", "retries: 7, execution_timeout: 2h}")
    project.write(".dango/sources.yml", text)

    assert project.load()["shop"].get_task("orders").execution_timeout == timedelta(hours=2)


def test_a_source_in_two_schedules_runs_at_both_times(project):
    second = "  - {name: evening, cron: 0 20 * * *, sources: [other], timezone: Europe/Berlin}\n"
    project.write(".dango/schedules.yml", SCHEDULES + second)

    timetable = project.load()["other"].timetable

    assert {part.expression for part in timetable.timetables} == {"0 6 * * *", "0 20 * * *"}


def test_rows_lie_in_a_dataset_of_the_source_and_in_one_file(project, run_dag, table_rows):
    dags = project.load()

    states = [run_dag(dags[name]).state for name in ("shop", "other")]

    assert states == ["success", "success"]
    assert table_rows("warehouse", "select count(*) from raw_shop.orders__lines") == [(3,)]
    assert table_rows("warehouse", "select id from raw_other.orders") == [(9,)]


def test_the_process_of_a_task_builds_its_own_dag_alone(project, monkeypatch):
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "other")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "orders")

    assert set(project.load()) == {"other"}


def test_the_process_of_a_refresh_finds_its_dag(project, monkeypatch):
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "shop__full_refresh")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "orders")

    assert set(project.load()) == {"shop__full_refresh"}


def test_a_second_parse_imports_neither_dlt_nor_the_source(project):
    project.load()
    code = f"""
import sys
sys.path.insert(0, {str(project.path)!r})
import the_dag_file
print(sorted(name for name in sys.modules if name in ("dlt", "duckdb") or "shop_source" in name))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert run.stdout.splitlines()[-1:] == ["[]"], run.stdout + run.stderr


def test_unused_files_are_warned_of_when_the_file_is_parsed(project, caplog):
    project.write("custom_sources/my_api.py", "import dlt")

    project.load()

    assert "Unreferenced custom sources detected" in caplog.text
    assert "custom_sources/my_api.py" in caplog.text


def test_a_source_that_cannot_be_planned_is_a_dag_that_says_so_at_its_times(project, run_dag):
    misspelt = SOURCES.replace("source_function: shop", "source_function: shpo")
    project.write(".dango/sources.yml", misspelt)

    dags = project.load()

    assert project.import_errors == {}
    assert set(dags) == {"shop", "other"}
    assert dags["shop"].tags == {"mistake", "sales", "demo"}
    assert dags["shop"].timetable.expression == "0 */6 * * *"
    said = dags["shop"].description
    assert said.startswith(
        ".dango/sources.yml:10: sources[0].dlt_native.source_function (source shop)"
    )
    assert "'shpo' not found in module 'shop_source'" in said
    assert "did you mean 'shop'?" in said
    assert run_dag(dags["shop"]).state == "failed"
    assert run_dag(dags["other"]).state == "success"


def test_mistakes_of_a_source_are_a_dag_in_its_place(project):
    project.write(".dango/sources.yml", SOURCES.replace("every_6h", "every_7h"))

    dags = project.load()

    assert project.import_errors == {}
    assert set(dags) == {"shop", "other"}
    assert dags["shop"].task_ids == ["mistake"]
    assert ".dango/sources.yml:12: sources[0].airflow.schedule" in dags["shop"].doc_md
    assert "did you mean 'every_6h'?" in dags["shop"].doc_md


def test_mistakes_of_no_one_source_are_a_dag_of_the_file(project):
    project.write(".dango/sources.yml", f"soruces: []\n{SOURCES}")
    project.write(".dango/schedules.yml", SCHEDULES.replace("[other]", "[otter]"))

    dags = project.load()

    assert set(dags) == {
        "shop",
        "shop__full_refresh",
        "other",
        "mistakes_in_sources_yml",
        "mistakes_in_schedules_yml",
    }
    assert "soruces is unknown" in dags["mistakes_in_sources_yml"].description
    assert "did you mean 'other'?" in dags["mistakes_in_schedules_yml"].description


def test_a_file_that_is_no_yaml_is_an_import_error(project):
    project.write(".dango/sources.yml", "sources: [")

    assert project.load() == {}
    (text,) = project.import_errors.values()
    assert ".dango/sources.yml:1" in text


def test_a_load_without_rows_does_not_empty_a_table_that_is_replaced(project, run_dag, table_rows):
    assert run_dag(project.load()["shop"]).state == "success"
    path = project.path / "custom_sources" / "shop_source.py"
    path.write_text(path.read_text().replace('[{"id": 1}, {"id": 2}, {"id": 3}]', "[]"))

    run = run_dag(project.load()["shop"])

    states = {task.task_id: task.state for task in run.get_task_instances()}
    assert states["customers"] in ("failed", "up_for_retry")
    assert table_rows("warehouse", "select count(*) from raw_shop.customers") == [(3,)]
    assert (
        run_dag(project.load()["shop"], run_conf={"allow_empty_replace": True}).state == "success"
    )
    assert table_rows("warehouse", "select count(*) from raw_shop.customers") == [(0,)]


def test_a_connection_that_is_missing_gives_a_dag_all_the_same(project):
    project.write(
        ".dango/sources.yml",
        "sources:\n"
        "  - name: copied\n"
        "    type: dlt_native\n"
        "    dlt_native: {source_module: sql_database, source_function: sql_database}\n"
        "    airflow: {source_conn_id: nobody_knows_it, resources: [a, b]}\n",
    )

    dags = project.load()

    assert project.import_errors == {}
    assert set(dags["copied"].task_ids) == {"a", "b", "finish"}


def test_a_task_whose_connection_is_missing_fails_at_once_and_names_it(project, run_dag, capsys):
    project.write(
        ".dango/sources.yml",
        "sources:\n"
        "  - name: copied\n"
        "    type: dlt_native\n"
        "    dlt_native: {source_module: sql_database, source_function: sql_database}\n"
        "    airflow: {source_conn_id: nobody_knows_it, resources: [a], retries: 3}\n",
    )

    run = run_dag(project.load()["copied"])

    states = {task.task_id: (task.state, task.try_number) for task in run.get_task_instances()}
    assert states["a"] == ("failed", 1)
    said = capsys.readouterr().out
    assert "The conn_id `nobody_knows_it` isn't defined; add the connection" in said
