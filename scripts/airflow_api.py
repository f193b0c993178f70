"""The little of Airflow's REST API that a run needs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

ENDED = ("success", "failed")
POLL_SECONDS = 0.5
DAG_SECONDS = 120


class ApiError(Exception):
    """Raised when Airflow answers with something else than what was asked for."""


class AirflowApi:
    """A logged-in client of one Airflow."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)
        token = self._call(
            "POST", "/auth/token", json={"username": username, "password": password}
        )["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until the Dag processor has read the Dag's file.

        Raises:
            ApiError: The file cannot be imported, or the Dag does not appear.
        """
        deadline = time.monotonic() + DAG_SECONDS
        while time.monotonic() < deadline:
            if self._client.get(f"/api/v2/dags/{dag_id}").is_success:
                return
            for filename, problem in self.import_errors().items():
                raise ApiError(f"{filename}:\n{problem}")
            time.sleep(POLL_SECONDS)
        raise ApiError(f"the Dag {dag_id!r} did not appear within {DAG_SECONDS} s")

    def dag_ids(self) -> set[str]:
        """Return the ids of all Dags."""
        return {dag["dag_id"] for dag in self._call("GET", "/api/v2/dags?limit=500")["dags"]}

    def import_errors(self) -> dict[str, str]:
        """Return Dag file -> what is wrong with it."""
        errors = self._call("GET", "/api/v2/importErrors")["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in errors}

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run and return its id."""
        run = self._call(
            "POST", f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf}
        )
        return str(run["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return Airflow's word for how the run stands."""
        return str(self._call("GET", _run_path(dag_id, run_id))["state"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the run's tasks as the API tells of them."""
        answer = self._call("GET", f"{_run_path(dag_id, run_id)}/taskInstances?limit=500")
        return list(answer["task_instances"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return task id -> Airflow's word for how it stands, in the order of their starts."""
        tasks = sorted(self.task_instances(dag_id, run_id), key=lambda t: t["start_date"] or "~")
        return {task["task_id"]: task["state"] for task in tasks}

    def task_changes(self, dag_id: str, run_id: str) -> Iterator[tuple[str, str, float | None]]:
        """Yield task id, state and seconds of each task that starts or ends, until the run ends."""
        seen: dict[str, str | None] = {}
        while True:
            state = self.run_state(dag_id, run_id)
            for task in self.task_instances(dag_id, run_id):
                task_id, task_state = task["task_id"], task["state"]
                if task_state in (None, "scheduled", "queued") or seen.get(task_id) == task_state:
                    continue
                seen[task_id] = task_state
                yield task_id, task_state, _seconds(task)
            if state in ENDED:
                return
            time.sleep(POLL_SECONDS)

    def return_value(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Return what a task returned, or `None`."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
        response = self._client.get(path, params={"stringify": False})
        return response.json()["value"] if response.is_success else None

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        try:
            response = self._client.request(method, path, **kwargs)
        except httpx.HTTPError as error:
            raise ApiError(f"{method} {path}: {error}") from error
        if not response.is_success:
            raise ApiError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}"


def _seconds(task: dict[str, Any]) -> float | None:
    if not task["end_date"] or not task["start_date"]:
        return None
    start, end = (
        datetime.fromisoformat(task[key].replace("Z", "+00:00"))
        for key in ("start_date", "end_date")
    )
    return (end - start).total_seconds()
