"""One `airflow standalone` process in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import httpx
import psutil

START_SECONDS = 240
STOP_SECONDS = 30
USERNAME = "admin"


class StartError(Exception):
    """Raised when Airflow cannot be started; the message says what to do."""


class Standalone:
    """Starts Airflow on entry, waits until it is healthy, and ends all of it on exit.

    Args:
        home: `AIRFLOW_HOME`.
        dags_folder: Folder of the Dag files.
        port: Port of the UI and the API.
        environment: Added to this process's environment.
    """

    def __init__(
        self, home: Path, dags_folder: Path, port: int, environment: dict[str, str] | None = None
    ) -> None:
        self.home = home
        self.url = f"http://localhost:{port}"
        self.log_path = home / "standalone.log"
        self._pid_path = home / "standalone.pid"
        self.environment = airflow_environment(home, dags_folder, port) | (environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Standalone:
        print(f"Starting Airflow in {self.home} (log: {self.log_path.name})", flush=True)
        start = time.monotonic()
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [Path(sys.executable).with_name("airflow"), "standalone"],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                # a group of its own: Ctrl-C reaches us alone, and we end it in order
                start_new_session=True,
            )
        self._pid_path.write_text(str(self._process.pid))
        try:
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise
        print(f"Airflow is up after {time.monotonic() - start:.0f} s", flush=True)
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def login(self, username: str = USERNAME) -> tuple[str, str]:
        """Return user name and password, of the administrator if nobody else is named."""
        path = self.home / "simple_auth_manager_passwords.json.generated"
        return username, json.loads(path.read_text())[username]

    def running_pid(self) -> int | None:
        """Return the process of an Airflow that still runs in this folder, or `None`."""
        try:
            process = psutil.Process(int(self._pid_path.read_text()))
            return process.pid if "standalone" in process.cmdline() else None
        except (OSError, ValueError, psutil.Error):
            return None

    def wait(self) -> None:
        """Wait until Airflow ends by itself or Ctrl-C is pressed."""
        if self._process:
            self._process.wait()

    def stop(self) -> None:
        """End Airflow and every process that it started."""
        if self._process is None:
            return
        try:
            # children are asked first to be known also after their parent has gone
            children = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            children = []
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        _, alive = psutil.wait_procs(children, timeout=5)
        for child in alive:
            child.kill()
        self._pid_path.unlink(missing_ok=True)
        self._process = None

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process and self._process.poll() is not None:
                raise StartError(f"Airflow ended while starting:\n{self._log_tail()}")
            try:
                health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
            except (httpx.HTTPError, ValueError):
                health = {}
            components = ("metadatabase", "scheduler", "dag_processor")
            if all(health.get(name, {}).get("status") == "healthy" for name in components):
                return
            time.sleep(0.5)
        raise StartError(f"Airflow was not up after {START_SECONDS} s:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join([*lines[-15:], f"(all of it: {self.log_path})"])


def airflow_environment(home: Path, dags_folder: Path, port: int) -> dict[str, str]:
    """Return the environment of an Airflow that keeps to *home* and *port*."""
    # what is set for another Airflow, or for dlt elsewhere, has no meaning here
    foreign = ("AIRFLOW", "DESTINATION__", "SOURCES__", "CREDENTIALS")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    # every process would compile every module again
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    bin_dir = str(Path(sys.executable).parent)
    return environment | {
        "PATH": f"{bin_dir}{os.pathsep}{environment.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USERNAME}:admin",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
    }


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
