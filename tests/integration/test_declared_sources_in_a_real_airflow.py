"""Declared sources in a real Airflow: from YAML alone, and with secrets in every place for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from tests.integration.airflow_process import AirflowProcess, Api, wait_for
from tests.integration.declared import (
    CANARIES,
    DAG_IDS,
    TABLES,
    environment_of,
    fill_database,
    write_project,
)
from tests.public_apis import PublicApis, order, running_public_apis
from tests.services import ServiceUnavailable, running_postgres, skip_without

pytestmark = pytest.mark.integration

RUN_SECONDS = 600
"""The longest wait for a run of fifty tasks."""


@pytest.fixture(scope="module")
def apis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicApis]:
    with running_public_apis(tmp_path_factory.mktemp("certificates")) as apis:
        yield apis


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A database of fifty tables."""
    try:
        with running_postgres() as url:
            fill_database(url)
            yield url
    except ServiceUnavailable as error:
        skip_without(error)


@pytest.fixture(scope="module")
def airflow(
    apis: PublicApis, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowProcess]:
    environment = {**apis.environment, **environment_of(postgres)}
    process = AirflowProcess(tmp_path_factory.mktemp("declared"), environment)
    write_project(process.dags, postgres)
    with process:
        yield process


@pytest.fixture(scope="module")
def api(airflow: AirflowProcess) -> Api:
    api = airflow.connect()
    api.set_variable(
        "dlt_secrets_toml", f'[sources.vault]\nof_toml_variable = "{CANARIES["toml"]}"'
    )
    api.set_variable("OF_A_VARIABLE", CANARIES["variable"])
    for dag_id in DAG_IDS:
        api.wait_for_dag(dag_id)
    return api


def run(api: Api, dag_id: str, **conf: Any) -> str:
    """Let a run succeed, and return its id."""
    run_id = api.trigger(dag_id, conf)
    wait_for(
        f"{dag_id} to end",
        lambda: api.run_state(dag_id, run_id) in ("success", "failed"),
        lambda: str(api.task_states(dag_id, run_id)),
        RUN_SECONDS,
    )
    states = api.task_states(dag_id, run_id)
    failed = [task for task, state in states.items() if state == "failed"]
    log = "\n".join(api.task_log(dag_id, run_id, task, 1) for task in failed[:2])
    assert api.run_state(dag_id, run_id) == "success", log
    return run_id


def query(airflow: AirflowProcess, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(airflow.data / "warehouse.duckdb"), read_only=True) as database:
        return database.execute(sql).fetchall()


def test_a_rest_api_is_loaded_from_yaml_alone(airflow: AirflowProcess, api: Api, apis: PublicApis):
    run_id = run(api, "accounts_api")

    assert set(api.task_states("accounts_api", run_id)) == {
        "items", "orders", "accounts", "account_details", "finish",
    }  # fmt: skip
    # in pages of fifty
    assert query(airflow, "select id from raw_accounts_api.items order by id") == [
        (item["id"],) for item in apis.example["items"]
    ]
    assert query(
        airflow, "select id, balance from raw_accounts_api.account_details order by 1"
    ) == [(detail["id"], detail["balance"]) for detail in apis.account_details()]
    assert query(airflow, "select count(*) from raw_accounts_api.orders") == [(7,)]

    apis.example["orders"] += [order(3, day=9), order(8, day=10)]
    apis.calls.clear()
    run(api, "accounts_api", resources=["orders"])

    assert [call["updated_since"] for call in apis.queries("api.example.com/orders")] == [
        "2024-01-07T08:00:00Z"
    ]
    assert query(
        airflow, "select count(*), max(updated_at)::date::text from raw_accounts_api.orders"
    ) == [(8, "2024-01-10")]


def test_fifty_tables_of_a_database_are_copied_from_yaml_alone(
    airflow: AirflowProcess, api: Api, postgres: str
):
    run_id = run(api, "shop_copy")

    assert set(api.task_states("shop_copy", run_id)) == {*TABLES, "finish"}
    counts = " union all ".join(
        f"select '{t}', count(*), sum(id) from raw_shop_copy.{t}" for t in TABLES
    )
    assert query(airflow, f"{counts} order by 1") == [
        (table, number, number * (number + 1) // 2) for table, number in sorted(TABLES.items())
    ]

    # one table is incremental, the others are replaced
    with psycopg2.connect(postgres) as connection, connection.cursor() as cursor:
        cursor.execute("insert into shop.table_01 values (1000, 'new', '2024-02-01T00:00:00Z')")
        cursor.execute("delete from shop.table_02")
        cursor.execute("insert into shop.table_02 values (1, 'only', '2024-02-01T00:00:00Z')")
    run(api, "shop_copy", resources=["table_01", "table_02"])

    assert query(airflow, "select count(*), max(id) from raw_shop_copy.table_01") == [
        (TABLES["table_01"] + 1, 1000)
    ]
    assert query(airflow, "select id, name from raw_shop_copy.table_02") == [(1, "only")]


def test_a_secret_is_shown_nowhere_in_whatever_place_it_is_given(airflow: AirflowProcess, api: Api):
    run_id = api.trigger("vault", {})
    wait_for("the run", lambda: api.run_state("vault", run_id) in ("success", "failed"))
    tries = range(1, int(api.task("vault", run_id, "entries")["try_number"]) + 1)
    log = "\n".join(api.task_log("vault", run_id, "entries", number) for number in tries)
    assert api.run_state("vault", run_id) == "success", log

    kept = {
        "state": api.asset_state("vault/raw_vault/entries"),
        "XCom": api.xcoms("vault", run_id, "entries"),
        "rendered fields": api.task("vault", run_id, "entries")["rendered_fields"],
        "asset event": api.asset_events("vault", run_id),
        "log": log,
    }

    assert log.count("printed ***") >= len(CANARIES)
    assert all(f"{word} ***" in log for word in ("logged", "refused"))
    for place, content in (*kept.items(), *files_of(airflow.home)):
        assert content, place
        assert "canary" not in str(content), place


def files_of(home: Path) -> Iterator[tuple[str, str]]:
    """Yield name and content of all logs, and of the metadata database with its serialized Dags."""
    for path in (
        *home.glob("logs/**/*.log"),
        *home.glob("airflow.db*"),
        *home.glob("dlt_manifests/*"),
    ):
        if path.stat().st_size:
            yield str(path), path.read_bytes().decode(errors="replace")
