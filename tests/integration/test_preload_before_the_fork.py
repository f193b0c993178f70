"""Airflow's own processes: dlt is there before they fork those that run tasks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from scripts.standalone import airflow_environment, free_port
from tests.integration.airflow_process import SETTINGS, wait_for

pytestmark = pytest.mark.integration

Start = Callable[..., psutil.Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `airflow <arguments>` with a database and a broker of its own, and end it."""
    (tmp_path / "dags").mkdir()
    environment = airflow_environment(tmp_path, tmp_path / "dags", free_port()) | SETTINGS
    environment |= {
        "AIRFLOW__CELERY__BROKER_URL": f"sqla+sqlite:///{tmp_path / 'broker.db'}",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+sqlite:///{tmp_path / 'results.db'}",
        "AIRFLOW__CORE__PARALLELISM": "2",
        # Celery asks not to be run as root
        "C_FORCE_ROOT": "1",
    }
    airflow = [str(Path(sys.executable).with_name("airflow"))]
    subprocess.run([*airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
    started: list[psutil.Process] = []

    def run(*arguments: str, **more: str) -> psutil.Process:
        with (tmp_path / "output.log").open("wb") as log:
            process = subprocess.Popen(
                [*airflow, *arguments],
                env=environment | more,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(psutil.Process(process.pid))
        return started[-1]

    yield run
    for process in started:
        family = [*process.children(recursive=True), process]
        for member in reversed(family):
            member.terminate()
        for member in psutil.wait_procs(family, timeout=20)[1]:
            member.kill()


def forked_for_tasks(process: psutil.Process, named: str) -> Sequence[psutil.Process]:
    """Return the processes below *process* that wait for tasks."""
    return [
        child for child in process.children(recursive=True) if named in " ".join(child.cmdline())
    ]


def holds_duckdb(process: psutil.Process) -> bool:
    """Tell whether DuckDB's library is in the memory of a process, as after a warm load."""
    return any(Path(item.path).name.startswith("_duckdb") for item in process.memory_maps())


COMMANDS = {
    "celery": (("celery", "worker", "--concurrency", "1"), "CeleryExecutor", "ForkPoolWorker"),
    "local": (("scheduler",), "LocalExecutor", "LocalExecutor"),
}


@pytest.mark.parametrize("kind", COMMANDS)
@pytest.mark.parametrize("preload", ["True", "False"])
def test_a_process_that_runs_tasks_is_forked_with_dlt_in_it(start, kind, preload):
    command, executor, named = COMMANDS[kind]

    main = start(*command, AIRFLOW__CORE__EXECUTOR=executor, AIRFLOW__DLT__PRELOAD=preload)

    children = wait_for("a process for tasks", lambda: forked_for_tasks(main, named))
    assert {holds_duckdb(child) for child in children} == {preload == "True"}
