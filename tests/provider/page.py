"""The page as users reach it: the plugin's app, mounted in Airflow's own API server."""

from __future__ import annotations

import json
from typing import Any

from airflow.api_fastapi.app import create_app
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.utils.session import create_session
from fastapi import FastAPI
from fastapi.routing import Mount
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import select

from airflow_dlt_provider.plugin.plugin import URL_PREFIX

USERS = {"vera": "viewer", "ulla": "user", "olga": "op", "anna": "admin"}
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


EVENTS = """
import dlt

def events(until=3):
    @dlt.resource(write_disposition="append")
    def clicks(new=dlt.sources.incremental("id")):
        yield [{"id": id} for id in range(until)]

    slowly = {"disposition": "merge", "strategy": "scd2"}
    return [clicks, dlt.resource([{"id": 1}], name="kept", write_disposition=slowly)]
"""

REFRESH_PARAMS = (
    'params={"full_refresh": False, "refresh_mode": "replace", "allow_empty_replace": False, '
    '"resources": Param(["clicks", "kept"], type="array", '
    'items={"type": "string", "enum": ["clicks", "kept"]})}'
)


class Page:
    """The page in a browser of one user after another."""

    def __init__(self) -> None:
        airflow = create_app(apps="core")
        self.client = TestClient(airflow)
        self.app: FastAPI = next(
            route.app
            for route in airflow.routes
            if isinstance(route, Mount) and route.path == URL_PREFIX
        )
        self._tokens: dict[str, str] = {}

    def token(self, user: str) -> str:
        if user not in self._tokens:
            login = {"username": user, "password": SimpleAuthManager.get_passwords()[user]}
            answer = self.client.post("/auth/token", json=login)
            self._tokens[user] = answer.raise_for_status().json()["access_token"]
        return self._tokens[user]

    def ask(self, method: str, path: str, user: str | None, **request: Any) -> Response:
        """Send a request for a path below `dlt/`; without a *user*, nobody is logged in."""
        headers = dict(request.pop("headers", SAME_ORIGIN))
        if user:
            headers["Authorization"] = f"Bearer {self.token(user)}"
        self.client.cookies.clear()
        return self.client.request(method, f"{URL_PREFIX}/{path}", headers=headers, **request)

    def get(self, path: str, user: str = "vera", **params: Any) -> Any:
        answer = self.ask("GET", path, user, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def items(self, dag_id: str, **params: Any) -> dict[str, Any]:
        """Return resource name -> what the list says of it."""
        listed = self.get("api/resources", dag_id=dag_id, **params)["items"]
        return {item["resource"]: item for item in listed}

    def post(self, path: str, action: dict[str, Any], user: str = "ulla") -> Response:
        return self.ask("POST", path, user, json=action)


def make_known(dag: Any, *, paused: bool = False) -> None:
    """Tell Airflow's database of a Dag, as the Dag processor does."""
    with create_session() as session:
        session.merge(DagBundleModel(name="testing"))
    bag = DagBag(dag_folder="/dev/null")
    bag.bag_dag(dag)
    sync_bag_to_db(bag, bundle_name="testing", bundle_version=None)
    with create_session() as session:
        session.get(DagModel, dag.dag_id).is_paused = paused


def audit_log(dag_id: str) -> list[dict[str, Any]]:
    """Return what the audit log says of the page's actions on a Dag, the oldest first."""
    statement = (
        select(Log).where(Log.dag_id == dag_id, Log.event.startswith("dlt_")).order_by(Log.id)
    )
    with create_session() as session:
        return [
            {"event": row.event, "task_id": row.task_id, "owner": row.owner, "run_id": row.run_id}
            | json.loads(row.extra)
            for row in session.scalars(statement)
        ]


def dag_text(dag_id, until, more=""):
    more = f", {more}" if more else ""
    kwargs = f'source_kwargs={{"until": {until}}}'
    return f'dag = DltDag("{dag_id}", "events_source:events", {kwargs}{more})'


def ask(dag_id, action, resource="clicks", **fields):
    target = {"dag_id": dag_id, "task_id": resource, "resource": resource}
    return target | {"action": action} | fields


def runs_of(dag_id):
    with create_session() as session:
        return list(session.scalars(select(DagRun).where(DagRun.dag_id == dag_id)))


def detail(page, dag_id, task_id, resource=None, user="vera"):
    """Return what the page tells of one resource."""
    target = {"dag_id": dag_id, "task_id": task_id, "resource": resource or task_id}
    return page.get("api/resource", user=user, **target)
