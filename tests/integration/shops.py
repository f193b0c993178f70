"""The Dags of the tests of state, their sources, and what tests do with one of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import filelock
import psutil

from tests.integration.airflow_process import GATES_MODULE, AirflowProcess, Api, wait_for

SECRETS = {
    "environment": "se-cret-of-the-environment",
    "file": "se-cret-of-the-file",
    "variable": "se-cret-of-the-variable",
}

SHOP_SOURCE = """
import os
from pathlib import Path

import dlt
import gates


@dlt.source
def shop(name):
    gates.put_gates_into_dlt(name, parent="orders")

    def pages():
        count = int((gates.FOLDER / f"{name}.count").read_text())
        rows = [{"number": n, "lines": [{"number": n}, {"number": n}]} for n in range(1, count + 1)]
        yield rows[:2]
        gates.pass_through(f"{name}.extract")
        yield rows[2:]

    @dlt.resource(write_disposition="append")
    def orders(new=dlt.sources.incremental("number")):
        yield from pages()

    @dlt.resource(write_disposition="append", table_name="orders")
    def all_orders():
        yield from pages()

    return orders, all_orders
"""

VAULT_SOURCE = """
import logging

import dlt
import gates


@dlt.source
def vault(of_environment, of_file=dlt.secrets.value, of_variable=dlt.secrets.value):
    @dlt.resource(write_disposition="append")
    def entries(new=dlt.sources.incremental("number")):
        for secret in (of_environment, of_file, of_variable):
            assert secret.startswith("se-cret-of-the-")
            print("printed", secret)
            logging.getLogger("vault").warning("logged %s", secret)
            tried = gates.FOLDER / secret[-8:]
            if not tried.exists():
                tried.touch()
                raise ConnectionError("refused " + secret)
        yield [{"number": 1}]

    return entries
"""

DAG_FILE = """
from datetime import timedelta

from airflow_dlt_provider import DltDag

RETRY = {{"*": {{"retries": 1, "retry_delay": timedelta(seconds=1)}}}}
TIMEOUT = {{"*": {{**RETRY["*"], "execution_timeout": timedelta(hours=1)}}}}

dag = DltDag("{dag_id}", {arguments})
"""

ORDERS = 'resources=["orders"]'
ALL_ORDERS = 'resources=["all_orders"]'

SHOPS = {
    "killed_in_extract": f"{ORDERS}, task_options=RETRY",
    "killed_in_load": f"{ORDERS}, task_options=RETRY",
    "killed_in_extract_without_cursor": f"{ALL_ORDERS}, task_options=RETRY",
    "killed_in_load_without_cursor": f"{ALL_ORDERS}, task_options=RETRY",
    "timed_out_in_extract": f"{ORDERS}, task_options=TIMEOUT",
    "timed_out_in_load": f"{ORDERS}, task_options=TIMEOUT",
    "failed_by_hand_in_extract": ORDERS,
    "failed_by_hand_in_load": ORDERS,
    "cleared_in_extract": ORDERS,
    "cleared_in_load": ORDERS,
    "cleared": ORDERS,
    "two_runs": f"{ORDERS}, max_active_runs=2",
    "emptied_store": ORDERS,
    "emptied_store_unfinished": ORDERS,
    "dropped": ORDERS,
    "without_api_server": f"{ORDERS}, task_options=RETRY",
}
"""Dag -> arguments. Each has a source, a pipeline and a DuckDB file of its own."""

TWINS = ("twin_one", "twin_two")
TWIN = f'"shop_source:shop", {ORDERS}, source_kwargs={{"name": "twins"}}, pipeline_name="twins"'


class Shop:
    """One Dag of one task, the source that it loads, and the table that it loads into.

    Args:
        airflow: Where it runs.
        api: That Airflow's API.
        dag_id: The Dag.
        name: The source, and the pipeline; default: *dag_id*.
    """

    def __init__(self, airflow: AirflowProcess, api: Api, dag_id: str, name: str = "") -> None:
        self.airflow = airflow
        self.api = api
        self.dag_id = dag_id
        self.name = name or dag_id
        self.task_id = "all_orders" if "without_cursor" in dag_id else "orders"
        self.database = airflow.data / f"{self.name}.duckdb"
        self.asset = f"{self.name}/{self.name}/orders"

    def grow(self, count: int) -> None:
        """Let the source have orders 1 to *count*."""
        (self.airflow.gates.folder / f"{self.name}.count").write_text(str(count))

    def start(self, count: int, **conf: str) -> str:
        """Let the source have orders 1 to *count*, start a run and return its id."""
        self.grow(count)
        return self.api.trigger(self.dag_id, conf)

    def run(self, count: int, **conf: str) -> str:
        """Let a run succeed, and return its id."""
        run_id = self.start(count, **conf)
        self.wait_for_success(run_id)
        return run_id

    def close(self, gate: str) -> None:
        self.airflow.gates.close(f"{self.name}.{gate}")

    def open(self, gate: str) -> None:
        self.airflow.gates.open(f"{self.name}.{gate}")

    def wait_at(self, gate: str, run_id: str) -> psutil.Process:
        """Return the task's process when it has got to the gate."""

        def check() -> None:
            has_ended = self.api.run_state(self.dag_id, run_id) in ("success", "failed")
            assert not has_ended, f"no task got to {gate}:\n{self.log(run_id)}"

        return self.airflow.gates.wait(f"{self.name}.{gate}", check)

    def wait_for_state(self, run_id: str, *states: str) -> None:
        """Wait for the state of a run."""
        wait_for(
            f"{self.dag_id} to be {' or '.join(states)}",
            lambda: self.api.run_state(self.dag_id, run_id) in states,
            lambda: f"{self.api.task_states(self.dag_id, run_id)}\n{self.log(run_id)}",
        )

    def wait_for_success(self, run_id: str) -> None:
        self.wait_for_state(run_id, "success", "failed")
        assert self.api.run_state(self.dag_id, run_id) == "success", self.log(run_id)

    def tries(self, run_id: str) -> int:
        return int(self.api.task(self.dag_id, run_id, self.task_id)["try_number"])

    def log(self, run_id: str, try_number: int | None = None) -> str:
        """Return the log of one try, or of all."""
        numbers = [try_number] if try_number else range(1, self.tries(run_id) + 1)
        return "\n".join(
            self.api.task_log(self.dag_id, run_id, self.task_id, number) for number in numbers
        )

    def clear(self, run_id: str) -> None:
        """Let the task of a run succeed once more."""
        self.api.clear(self.dag_id, run_id, self.task_id)
        self.wait_for_success(run_id)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.database), read_only=True) as database:
            database.execute(f'use "{self.name}"."{self.name}"')
            return database.execute(sql).fetchall()

    def numbers(self) -> list[int]:
        return [row[0] for row in self.query("select number from orders order by number")]

    def load_ids(self) -> list[tuple[int, str]]:
        return self.query("select number, _dlt_load_id from orders order by number")

    def check(self, count: int) -> None:
        """Check that the tables hold what one clean load of 1 to *count* brings, and no more."""
        assert self.numbers() == list(range(1, count + 1))
        lines = "select o.number, l.number from orders__lines l left join orders o"
        lines += " on o._dlt_id = l._dlt_parent_id order by all"
        assert self.query(lines) == [(n, n) for n in range(1, count + 1) for _ in range(2)]
        assert self.query("select * from orders anti join _dlt_loads on _dlt_load_id=load_id") == []

    def held_locks(self) -> list[str]:
        """Return the names of those lock files that a process holds."""
        found = [*self.database.parent.glob(f"{self.name}.duckdb*/*.lock")]
        found += [*self.database.parent.glob(f"{self.name}.duckdb.lock")]
        assert found, "there are no lock files"
        return [path.name for path in found if _is_held(path)]


def _is_held(path: Path) -> bool:
    try:
        with filelock.FileLock(path, timeout=0):
            return False
    except filelock.Timeout:
        return True


def write_dags(folder: Path) -> None:
    """Write the Dag files, and the sources beside them."""
    (folder / "gates.py").write_text(GATES_MODULE)
    (folder / "shop_source.py").write_text(SHOP_SOURCE)
    (folder / "vault_source.py").write_text(VAULT_SOURCE)
    (folder / ".dlt").mkdir()
    (folder / ".dlt" / "secrets.toml").write_text(f'of_file = "{SECRETS["file"]}"\n')
    arguments = {
        name: f'"shop_source:shop", source_kwargs={{"name": "{name}"}}, {more}'
        for name, more in SHOPS.items()
    }
    arguments |= dict.fromkeys(TWINS, TWIN)
    arguments["vault"] = (
        '"vault_source:vault", source_kwargs={"of_environment": "${TOKEN}"}, '
        'task_options={"*": {"retries": 3, "retry_delay": timedelta(seconds=1)}}'
    )
    for dag_id, text in arguments.items():
        (folder / f"{dag_id}_dag.py").write_text(DAG_FILE.format(dag_id=dag_id, arguments=text))


def remove_working_folders(shop: Shop) -> None:
    """Remove what the tasks of a shop left on this machine, as a lost worker does."""
    work = shop.airflow.folder / "work"
    found = [path for path in work.iterdir() if list(path.glob(f"{shop.name}*"))]
    assert found, "the killed task left no folder"
    for path in found:
        shutil.rmtree(path)
