"""One real Airflow for a module of tests: its API, its processes, and gates at which tasks wait."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import psutil

from scripts.airflow_api import AirflowApi
from scripts.standalone import USERNAME, Standalone, airflow_environment, free_port

WAIT_SECONDS = 120
POLL_SECONDS = 0.1
SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    # signed alike by an API server that is started later
    "AIRFLOW__API_AUTH__JWT_SECRET": "integration tests of one machine",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
    # an Airflow whose API server is away for some seconds keeps its tasks
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "20",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
}

Found = TypeVar("Found")


def wait_for(
    what: str,
    look: Callable[[], Found | None],
    explain: Callable[[], str] = lambda: "",
    seconds: float = WAIT_SECONDS,
) -> Found:
    """Return what *look* finds, as soon as that is true.

    Raises:
        TimeoutError: It took too long; *explain* says how things stand.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"waited {seconds} seconds in vain for {what}\n{explain()}")


class Api(AirflowApi):
    """What the tests ask of Airflow's REST API beyond a run."""

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return all runs, as the API tells of them."""
        return list(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=500")["dag_runs"])

    def events(self, dag_id: str, event: str) -> list[dict[str, Any]]:
        """Return what Airflow's audit log has of one kind of event of a Dag."""
        path = f"/api/v2/eventLogs?dag_id={dag_id}&event={event}"
        return list(self._call("GET", path)["event_logs"])

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        return dict(self._call("GET", f"{_run(dag_id, run_id)}/taskInstances/{task_id}"))

    def mark_failed(self, dag_id: str, run_id: str, task_id: str) -> None:
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}"
        self._call("PATCH", path, json={"new_state": "failed"})

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Let a task, and those after it, run again."""
        body = {
            "dag_run_id": run_id,
            "task_ids": [task_id],
            "dry_run": False,
            "only_failed": False,
            "include_downstream": True,
        }
        self._call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", json=body)

    def create_backfill(self, dag_id: str, first: str, last: str, **options: Any) -> None:
        """Start a backfill of the runs of some days."""
        body = {"dag_id": dag_id, "from_date": first, "to_date": last, **options}
        self._call("POST", "/api/v2/backfills", json=body)

    def has_backfill(self, dag_id: str) -> bool:
        """Tell whether Airflow holds a backfill for unended, which it notes after its runs."""
        backfills = self._call("GET", f"/api/v2/backfills?dag_id={dag_id}")["backfills"]
        return any(backfill["completed_at"] is None for backfill in backfills)

    def backfill_runs(self, dag_id: str) -> dict[str, str]:
        """Return the run id of each run of a backfill, and Airflow's word for how it stands."""
        path = f"/api/v2/dags/{dag_id}/dagRuns?run_type=backfill&limit=500"
        runs = self._call("GET", path)["dag_runs"]
        return {run["dag_run_id"]: run["state"] for run in runs}

    def asset_events(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Return asset name -> extra, of the events of one run."""
        path = f"/api/v2/assets/events?source_dag_id={dag_id}&source_run_id={quote(run_id)}"
        events = self._call("GET", path)["asset_events"]
        return {event["name"]: event["extra"] for event in events}

    def xcoms(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries"
        keys = [entry["key"] for entry in self._call("GET", path)["xcom_entries"]]
        return {key: self._call("GET", f"{path}/{quote(key)}")["value"] for key in keys}

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> str:
        """Return a try's log, a JSON document on each line; empty as long as there is none."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/logs/{try_number}"
        answer = self._client.get(path, headers={"Accept": "application/x-ndjson"})
        return answer.text if answer.is_success else ""

    def set_variable(self, key: str, value: str) -> None:
        self._call("POST", "/api/v2/variables", json={"key": key, "value": value})

    def asset_id(self, name: str) -> int:
        assets = self._call("GET", f"/api/v2/assets?name_pattern={quote(name)}")["assets"]
        return next(int(asset["id"]) for asset in assets if asset["name"] == name)

    def asset_state(self, name: str) -> dict[str, Any]:
        """Return the keys that Airflow's state store holds for an asset."""
        path = f"/api/v2/assets/{self.asset_id(name)}/state-store?limit=500"
        return {item["key"]: item["value"] for item in self._call("GET", path)["asset_state_store"]}

    def empty_asset_state(self, name: str) -> None:
        path = f"/api/v2/assets/{self.asset_id(name)}/state-store"
        self._client.delete(path).raise_for_status()


def _run(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}"


class AirflowProcess(Standalone):
    """`airflow standalone` on ports of its own, with everything of it in *folder*.

    Args:
        folder: `home`, `dags`, `gates` and what tasks write are made in it.
        environment: Added to the environment of all its processes.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.dags, self.data = folder / "dags", folder / "data"
        self.gates = Gates(folder / "gates", self)
        self._port = free_port()
        for path in (home := folder / "home", self.dags, self.gates.folder):
            path.mkdir()
        self._settings = {
            **SETTINGS,
            "GATES": str(self.gates.folder),
            "AIRFLOW__DLT__DATA_DIR": str(self.data),
            "AIRFLOW__DLT__WORKING_DIR": str(folder / "work"),
            **environment,
        }
        super().__init__(home, self.dags, self._port, self._settings)
        self._api_server: subprocess.Popen[bytes] | None = None

    def connect(self, username: str = USERNAME) -> Api:
        """Log in."""
        return Api(self.url, *self.login(username))

    def processes(self) -> list[psutil.Process]:
        """Return all processes of this Airflow."""
        root = self.running_pid()
        return psutil.Process(root).children(recursive=True) if root else []

    def kill_api_server(self) -> None:
        """End the API server, and what it forked, as `kill -9` does."""
        servers = [process for process in self.processes() if _is_api_server(process)]
        assert servers, "no API server runs"
        forked = [child for server in servers for child in server.children(recursive=True)]
        ended = {process.pid: process for process in (*servers, *forked)}
        for process in ended.values():
            process.kill()
        wait_for("the end of the API server", lambda: not any(map(is_alive, ended.values())))

    def start_api_server(self) -> None:
        """Start an API server in place of the one that was killed."""
        environment = airflow_environment(self.home, self.dags, self._port) | self._settings
        with (self.home / "api-server.log").open("wb") as log:
            self._api_server = subprocess.Popen(
                [Path(sys.executable).with_name("airflow"), "api-server"],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_healthy()

    def stop(self) -> None:
        """End Airflow and every process that it started."""
        # a task that waits would not end
        self.gates.open_all()
        if self._api_server:
            server = psutil.Process(self._api_server.pid)
            server.terminate()
            for process in psutil.wait_procs([server, *server.children(True)], timeout=10)[1]:
                process.kill()
            self._api_server = None
        super().stop()


def is_alive(process: psutil.Process) -> bool:
    """Tell whether *process* still runs; one that its parent has not taken note of is dead too."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _is_api_server(process: psutil.Process) -> bool:
    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        return False
    # it calls itself the second after it has started
    return "airflow api-server" in command or "airflow api_server" in command


class Gates:
    """Points at which a task of an Airflow waits as long as the test keeps them closed.

    The other side is `pass_through` in `GATES_MODULE`.
    """

    def __init__(self, folder: Path, airflow: AirflowProcess) -> None:
        self.folder = folder
        self._airflow = airflow

    def close(self, gate: str) -> None:
        (self.folder / f"{gate}.reached").unlink(missing_ok=True)
        (self.folder / f"{gate}.closed").touch()

    def open(self, gate: str) -> None:
        (self.folder / f"{gate}.closed").unlink()

    def open_all(self) -> None:
        for path in self.folder.glob("*.closed"):
            path.unlink()

    def wait(self, gate: str, check: Callable[[], None]) -> psutil.Process:
        """Return the task's process that waits at *gate*; *check* fails if none will come."""
        reached = self.folder / f"{gate}.reached"

        def look() -> bool:
            check()
            return reached.exists()

        wait_for(f"a task at {gate}", look)
        pid = int(reached.read_text())
        # whoever is killed must be one of ours
        process = next((p for p in self._airflow.processes() if p.pid == pid), None)
        assert process, f"process {pid} at {gate} is none of this Airflow's"
        return process


GATES_MODULE = '''
"""Where tasks wait for a test. The other side is `Gates`."""

import os
import threading
import time
from pathlib import Path

from dlt.common.destination.client import RunnableLoadJob
from dlt.load.load import Load

FOLDER = Path(os.environ["GATES"])


def pass_through(gate):
    """Wait as long as the gate is closed, and leave a note of it for the test."""
    if not is_closed(gate):
        return
    written = FOLDER / f"{gate}.{os.getpid()}"
    written.write_text(str(os.getpid()))
    written.replace(FOLDER / f"{gate}.reached")
    while is_closed(gate):
        time.sleep(0.05)


def is_closed(gate):
    return (FOLDER / f"{gate}.closed").exists()


def put_gates_into_dlt(shop, parent):
    """`load`: the parent's rows are there, no others; `commit`: all are, and dlt's note is not."""
    run_managed, release = RunnableLoadJob.run_managed, RunnableLoadJob._release
    complete_package = Load.complete_package
    parent_done = threading.Event()

    def run(job, *args):
        if is_closed(f"{shop}.load") and job.job_file_info().table_name != parent:
            parent_done.wait()
            pass_through(f"{shop}.load")
        run_managed(job, *args)

    def released(job, state):
        release(job, state)
        if state == "completed" and job.job_file_info().table_name == parent:
            parent_done.set()

    def complete(load, *args, **kwargs):
        pass_through(f"{shop}.commit")
        return complete_package(load, *args, **kwargs)

    RunnableLoadJob.run_managed, RunnableLoadJob._release = run, released
    Load.complete_package = complete
'''
