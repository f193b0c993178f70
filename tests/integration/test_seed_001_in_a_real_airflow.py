"""All sources of seed 001 in one project, loaded by a real scheduler from the APIs' stand-ins."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.conftest import read_rows
from tests.core.seed_001.blocks import SEED
from tests.core.seed_001.project import Rows, SeedBlock, seed_blocks, sorted_tables
from tests.core.seed_001.whole_project import (
    change_rows,
    tables_after_change,
    whole_project_tables,
    write_whole_project,
)
from tests.integration.airflow_process import AirflowProcess, Api, wait_for
from tests.public_apis import PublicApis, running_public_apis
from tests.seed_document import read_seed
from tests.services import with_driver

pytestmark = pytest.mark.integration

DAG_FILE = """
from airflow_dlt_provider import load_dags

globals().update(load_dags("project"))
"""

TASKS = {
    "ecommerce": {"products", "carts", "users"},
    "shop": {"customers", "orders", "products"},
    "bank": {"account_details"},
    "my_api": {"items"},
    "errors": {"data"},
}

Tables = dict[str, dict[str, Rows]]


@pytest.fixture(scope="module")
def blocks() -> Callable[[int], SeedBlock]:
    """The blocks of the seed, by number."""
    blocks = seed_blocks(read_seed(SEED))
    return lambda number: blocks[number - 1]


@pytest.fixture(scope="module")
def apis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PublicApis]:
    """The APIs; `airflow` has the way to them in its environment."""
    with running_public_apis(tmp_path_factory.mktemp("authority")) as running:
        yield running


class SeedAirflow(AirflowProcess):
    """An Airflow with the project in its folder of Dags."""

    @property
    def project(self) -> Path:
        return self.dags / "project"

    def write(self, file: str, text: str) -> None:
        path = self.project / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def tables(self, sources: Iterable[str]) -> Tables:
        """Return source -> tables."""
        (warehouse,) = self.data.glob("*.duckdb")
        return {name: sorted_tables(read_rows(warehouse, f"raw_{name}")) for name in sources}


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_url: str,
    apis: PublicApis,
    blocks: Callable[[int], SeedBlock],
) -> Iterator[SeedAirflow]:
    settings = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": with_driver(postgres_url)}
    process = SeedAirflow(tmp_path_factory.mktemp("seed"), apis.environment | settings)
    write_whole_project(process.write, blocks)
    sources_file = process.project / ".dango" / "sources.yml"
    hubspot = blocks(7).text.partition("sources:\n")[2]
    sources_file.write_text(sources_file.read_text() + hubspot)
    process.write(".env", blocks(21).text)
    process.write("custom_sources/left_over.py", blocks(12).text)
    (process.dags / "seed.py").write_text(DAG_FILE)
    with process:
        yield process


@pytest.fixture(scope="module")
def api(airflow: SeedAirflow, apis: PublicApis) -> Api:
    api = airflow.connect()
    dag_ids = {*whole_project_tables(apis), "hubspot_crm"}
    wait_for("all Dags", lambda: dag_ids <= api.dag_ids(), lambda: str(api.import_errors()))
    return api


def run_all(api: Api, dag_ids: Iterable[str]) -> dict[str, str]:
    """Run Dags side by side; return Dag -> Airflow's word for how its run ended."""
    runs = {dag_id: api.trigger(dag_id, {}) for dag_id in dag_ids}

    def ended() -> dict[str, str] | None:
        states = {dag_id: api.run_state(dag_id, run_id) for dag_id, run_id in runs.items()}
        return states if set(states.values()) <= {"success", "failed"} else None

    return wait_for("the end of all runs", ended)


@pytest.fixture(scope="module")
def first(api: Api, airflow: SeedAirflow, apis: PublicApis) -> Tables:
    """What the APIs had when every Dag ran for the first time."""
    served = whole_project_tables(apis)
    assert run_all(api, served) == dict.fromkeys(served, "success")
    assert airflow.tables(served) == served
    return served


@pytest.fixture
def lines_of_task(api: Api) -> Callable[[str, str], list[dict[str, Any]]]:
    """The log of a task in the last run of a Dag, a record for each line."""

    def lines(dag_id: str, task_id: str) -> list[dict[str, Any]]:
        run_id = api.runs(dag_id)[-1]["dag_run_id"]
        text = wait_for("a log", lambda: api.task_log(dag_id, run_id, task_id, 1))
        return [json.loads(line) for line in text.splitlines()]

    return lines


def test_a_source_is_a_dag_with_a_task_for_each_resource(api: Api, first: Tables) -> None:
    tasks = {
        dag_id: set(api.task_states(dag_id, api.runs(dag_id)[-1]["dag_run_id"])) for dag_id in TASKS
    }

    assert tasks == {dag_id: names | {"finish"} for dag_id, names in TASKS.items()}


def test_a_source_that_dlt_lacks_is_a_dag_that_says_so_beside_the_others(
    api: Api, first: Tables
) -> None:
    assert api.import_errors() == {}
    assert api.dag_ids() == {*first, "hubspot_crm"}

    assert run_all(api, ["hubspot_crm"]) == {"hubspot_crm": "failed"}
    run_id = api.runs("hubspot_crm")[-1]["dag_run_id"]
    log = wait_for("a log", lambda: api.task_log("hubspot_crm", run_id, "mistake", 1))
    assert "dlt init hubspot" in log


def test_the_dag_processor_warns_of_files_without_an_entry(
    airflow: SeedAirflow, blocks: Callable[[int], SeedBlock], api: Api
) -> None:
    logs = [path.read_text() for path in (airflow.home / "logs").rglob("*.log")]
    text = "\n".join([*logs, airflow.log_path.read_text(errors="replace")])

    assert "Unreferenced custom sources detected" in text
    assert "custom_sources/left_over.py" in text


def test_prints_of_a_source_stand_in_the_log_of_its_task(
    first: Tables, lines_of_task: Callable[[str, str], list[dict[str, Any]]]
) -> None:
    said = [line["event"] for line in lines_of_task("prints", "data")]

    assert {"Fetching data...", "Status: 200", "Got 5 items"} <= set(said)


def test_the_second_runs_bring_what_is_new(
    api: Api, airflow: SeedAirflow, apis: PublicApis, first: Tables
) -> None:
    change_rows(apis)

    assert run_all(api, first) == dict.fromkeys(first, "success")

    assert airflow.tables(first) == tables_after_change(apis, first)
    since = [query.get("updated_since") for query in apis.queries("api.example.com/orders")]
    assert {"2024-01-01", "2024-01-07T08:00:00Z"} <= set(since)


def test_the_last_error_in_the_log_of_a_failed_task_has_url_and_status(
    api: Api,
    apis: PublicApis,
    first: Tables,
    lines_of_task: Callable[[str, str], list[dict[str, Any]]],
) -> None:
    apis.failures["api.example.com/data"] = [404]

    assert run_all(api, ["errors"]) == {"errors": "failed"}

    lines = lines_of_task("errors", "data")
    not_found = "404 Client Error: Not Found for url: https://api.example.com/data"
    assert f"HTTP error: {not_found}" in [line["event"] for line in lines]
    errors = [line for line in lines if line.get("level") == "error"]
    assert f"HTTPError: {not_found}" in json.dumps(errors[-1])
