"""The Dag files that people copy: each is parsed and run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.public_apis import running_public_apis

DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture
def examples(dag_folder):
    """The example Dag files, in a folder of their own."""
    (dag_folder.path / "shop_source.py").unlink()
    shutil.copytree(DAGS, dag_folder.path, dirs_exist_ok=True)
    return dag_folder


def test_every_example_is_parsed(examples):
    dags = examples.load()

    assert examples.import_errors == {}
    assert set(dags) == {"nycflights", "copy_database", "dummy_shop"}


ROWS = """
select (select count(*) from nycflights.nycflights.flights),
    (select count(*) from nycflights.nycflights.weather),
    (select count(*) from nycflights.nycflights.planes),
    (select count(*) from nycflights.nycflights.airports),
    (select count(*) from nycflights.nycflights.airlines)
"""


def test_the_flights_of_a_year_arrive_once_in_however_many_runs(
    examples, run_dag, table_rows, returned
):
    def run(**options):
        # afresh, as in the process of a task: `dag.test()` renders templates in place
        return run_dag(examples.load()["nycflights"], **options)

    first = run(run_conf={"until": "2013-02-01"})
    before = table_rows("nycflights", ROWS)
    latest = table_rows(
        "nycflights",
        "select max(time_hour)::timestamptz < '2013-02-01T00:00Z' "
        "from nycflights.nycflights.flights",
    )
    second = run()
    whole_year = table_rows("nycflights", ROWS)
    third = run()

    assert [run.state for run in (first, second, third)] == ["success"] * 3
    assert latest == [(True,)]
    assert 0 < before[0][0] < 30_000
    assert whole_year == [(336_776, 26_115, 3_322, 1_458, 16)]
    assert table_rows("nycflights", ROWS) == whole_year
    assert (returned(third)["finish"]["flights"], returned(third)["finish"]["weather"]) == (0, 0)


def test_a_rest_api_is_loaded_without_python(examples, run_dag, table_rows, monkeypatch, tmp_path):
    with running_public_apis(tmp_path) as apis:
        for name, value in apis.environment.items():
            monkeypatch.setenv(name, value)
        dag = examples.load()["dummy_shop"]
        run = run_dag(dag)

    assert run.state == "success"
    # one task asks for the users, and loads their carts too
    assert set(dag.task_ids) == {"products", "users", "finish"}
    assert apis.counts()["dummyjson.com/users"] == 1
    counts = "select (select count(*) from raw_dummy_shop.products), "
    counts += "(select count(*) from raw_dummy_shop.users), "
    counts += "(select count(*) from raw_dummy_shop.carts)"
    assert table_rows("warehouse", counts) == [(130, 40, 5)]


def test_every_table_of_a_database_is_copied(examples, run_dag, table_rows, monkeypatch, tmp_path):
    import sqlite3

    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(
            "create table orders (id integer primary key); insert into orders values (1), (2);"
            "create table customers (id integer primary key); insert into customers values (7);"
        )
    monkeypatch.setenv(
        "AIRFLOW_CONN_COPY_SOURCE", json.dumps({"conn_type": "sqlite", "host": str(path)})
    )

    dag = examples.load()["copy_database"]
    run = run_dag(dag)

    assert run.state == "success"
    assert set(dag.task_ids) == {"orders", "customers", "finish"}
    assert table_rows("copy_database", "select id from copy.orders order by id") == [(1,), (2,)]


@pytest.mark.integration
def test_the_command_line_of_airflow_runs_one_task(examples, tmp_path):
    import os

    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(examples.path),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__DLT__DATA_DIR": str(home / "data"),
    }

    def airflow(*arguments):
        completed = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stdout + completed.stderr

    airflow("db", "migrate")
    airflow("dags", "reserialize")
    airflow(
        *("tasks", "test", "nycflights", "weather"),
        *("--task-params", json.dumps({"until": "2013-01-02"})),
    )

    import duckdb

    with duckdb.connect(str(home / "data" / "nycflights.duckdb"), read_only=True) as database:
        (rows,) = database.sql("select count(*) from nycflights.nycflights.weather").fetchall()[0]
    assert 0 < rows < 26_115
