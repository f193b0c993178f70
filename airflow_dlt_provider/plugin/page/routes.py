"""The routes of the page, below `dlt/`: thin, as what they do is in modules of their own."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.core_api.security import get_user
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import FileResponse

from airflow_dlt_provider.plugin.page.access import AccessDep
from airflow_dlt_provider.plugin.page.actions import do_action, plan_action
from airflow_dlt_provider.plugin.page.dags import read_dags
from airflow_dlt_provider.plugin.page.detail import describe_detail
from airflow_dlt_provider.plugin.page.models import (
    Action,
    DagList,
    DagSummary,
    Done,
    Plan,
    RefreshAction,
    ResourceDetail,
    ResourcePage,
)
from airflow_dlt_provider.plugin.page.resources import (
    Found,
    find_item,
    list_items,
    page_of,
    search_items,
)

PAGE_FILE = "page.html"
STATIC_FILE = re.compile(r"[a-z0-9_]+\.(css|js|svg)")
MAX_PAGE_SIZE = 200

router = APIRouter(dependencies=[Depends(get_user)])


@router.get("/")
def page(request: Request) -> FileResponse:
    """Return the page itself, which holds no data."""
    return _file(request, PAGE_FILE)


@router.get("/static/{name}")
def static(request: Request, name: str) -> FileResponse:
    """Return a file of the page."""
    if not STATIC_FILE.fullmatch(name):
        raise HTTPException(404, f"there is no file {name!r}")
    return _file(request, name)


@router.get("/api/dags")
def list_dags(access: AccessDep) -> DagList:
    """Return the Dags with dlt tasks that the user may read."""
    dags = read_dags(access.session, access.readable)
    counts = Counter(item.task.dag_id for item in list_items(access.session, dags))
    return DagList(
        dags=[
            DagSummary(
                dag_id=dag.dag_id,
                is_paused=dag.is_paused,
                can_edit=dag.dag_id in access.editable,
                resources=counts[dag.dag_id],
            )
            for dag in dags
        ]
    )


@router.get("/api/resources")
def list_resources(
    access: AccessDep,
    dag_id: str = "",
    search: str = "",
    status: str = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = 50,
) -> ResourcePage:
    """Return a page of the resources that the user may read."""
    dag_ids = access.readable & {dag_id} if dag_id else access.readable
    items = list_items(access.session, read_dags(access.session, dag_ids))
    items = search_items(items, search) if search else items
    shown, total = page_of(access.session, items, status or None, (page - 1) * size, size)
    return ResourcePage(items=shown, total=total, page=page, size=size)


@router.get("/api/resource")
def show_resource(access: AccessDep, dag_id: str, task_id: str, resource: str) -> ResourceDetail:
    """Return all that is known of one resource."""
    found = find_item(access.session, access.readable, dag_id, task_id, resource)
    return describe_detail(access.session, found, can_edit=dag_id in access.editable)


@router.post("/api/plan")
def plan(access: AccessDep, action: Action) -> Plan:
    """Say what an action would do; nothing is changed."""
    return plan_action(access, _allowed(access, action), action)


@router.post("/api/actions")
def do(access: AccessDep, action: Action) -> Done:
    """Do what the user asks."""
    return do_action(access, _allowed(access, action), action)


def _allowed(access: AccessDep, action: Action) -> Found:
    """Return the resource of an action that the user may have done."""
    found = find_item(
        access.session, access.readable, action.dag_id, action.task_id, action.resource
    )
    access.require_edit(action.dag_id)
    if isinstance(action, RefreshAction):
        access.require_trigger(action.dag_id)
    return found


def _file(request: Request, name: str) -> FileResponse:
    folder: Path = request.app.state.static_folder
    path = folder / name
    if not path.is_file():
        raise HTTPException(404, f"there is no file {name!r}")
    return FileResponse(path)
