"""The resources of dlt tasks, found, filtered and put into the words of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from fastapi import HTTPException, status

from airflow_dlt_provider.core.control.documents import cursor_documents, time_text
from airflow_dlt_provider.core.control.resources import describe_request
from airflow_dlt_provider.core.errors import closest, listed
from airflow_dlt_provider.core.state.records import RecentLoad
from airflow_dlt_provider.plugin.page.dags import (
    DltDagFacts,
    TaskFacts,
    read_dags,
    read_task_states,
)
from airflow_dlt_provider.plugin.page.models import (
    Cursor,
    RefreshMode,
    Resource,
    ShortLoad,
    Status,
    WaitingRequest,
)
from airflow_dlt_provider.plugin.page.stores import (
    Item,
    Known,
    Standing,
    read_known,
    read_standings,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DISPOSITIONS = ("append", "merge", "replace", "scd2")
RUNNING = (
    "queued",
    "scheduled",
    "running",
    "restarting",
    "up_for_retry",
    "up_for_reschedule",
    "deferred",
)
FAILED = ("failed", "upstream_failed")

TaskState = str | None


@dataclass(frozen=True)
class Found:
    """A resource that was asked for, with its Dag and all resources of its task."""

    dag: DltDagFacts
    item: Item
    siblings: tuple[Item, ...]


def list_items(session: Session, dags: Iterable[DltDagFacts]) -> list[Item]:
    """Return all resources of the tasks of some Dags, by Dag and name.

    A task for a whole source stands for itself until its first load has told its resources.
    """
    tasks = [task for dag in dags for task in dag.tasks]
    whole = {
        task: Item(task, task.task_key, is_whole_source=True)
        for task in tasks
        if not task.resources
    }
    indexes = read_known(session, whole.values()) if whole else {}
    items = [
        item
        for task in tasks
        for item in (
            _planned_items(task) if task.resources else _members(whole[task], indexes[whole[task]])
        )
    ]
    return sorted(items, key=lambda item: (item.task.dag_id, item.resource, item.task.task_id))


def find_item(
    session: Session, readable: set[str], dag_id: str, task_id: str, resource: str
) -> Found:
    """Return a resource.

    Raises:
        HTTPException: 404, and what there is in its place.
    """
    dags = read_dags(session, readable & {dag_id})
    if not dags:
        raise _not_found(f"there is no Dag {dag_id!r} with dlt tasks that you may read")
    tasks = {task.task_id: task for task in dags[0].tasks}
    if task_id not in tasks:
        known = f"{listed(sorted(tasks))}{closest(task_id, tasks)}"
        raise _not_found(f"Dag {dag_id!r} has no dlt task {task_id!r}; {known}")
    one_task = DltDagFacts(dag_id, dags[0].is_paused, dags[0].param_names, (tasks[task_id],))
    siblings = {item.resource: item for item in list_items(session, [one_task])}
    if resource not in siblings:
        known = f"{listed(siblings)}{closest(resource, siblings)}"
        raise _not_found(
            f"task {task_id!r} of Dag {dag_id!r} has no resource {resource!r}; {known}"
        )
    return Found(dags[0], siblings[resource], tuple(siblings.values()))


def search_items(items: Iterable[Item], text: str) -> list[Item]:
    """Return those whose resource, table or Dag has *text* in its name, in any case."""
    wanted = text.casefold()
    return [
        item
        for item in items
        if any(
            wanted in name.casefold()
            for name in (item.resource, item.table or "", item.task.dag_id)
        )
    ]


def page_of(
    session: Session, items: Sequence[Item], asked: str | None, first: int, size: int
) -> tuple[list[Resource], int]:
    """Return one page of resources, and how many there are in all.

    Args:
        session: A session of Airflow's metadata database.
        items: All of them.
        asked: Only those of this status; then the state of all of them is read.
        first: Position of the first.
        size: How many at most.

    Raises:
        HTTPException: 400, there is no such status.
    """
    if asked and asked not in get_args(Status):
        problem = f"there is no status {asked!r}; {listed(get_args(Status))}"
        raise HTTPException(status.HTTP_400_BAD_REQUEST, problem)
    total = len(items)
    if asked:
        states = _task_states(session, items)
        standings = read_standings(session, items)
        items = [item for item in items if status_of(standings[item], states[item]) == asked]
        total = len(items)
    shown = items[first : first + size]
    known, states = read_known(session, shown), _task_states(session, shown)
    described = [describe(item, known[item], states[item]) for item in shown]
    return described, total


def status_of(standing: Standing, task_state: TaskState) -> Status:
    """Say how a resource stands, the most urgent first."""
    cases: tuple[tuple[bool, Status], ...] = (
        (task_state in RUNNING, "running"),
        (task_state in FAILED, "failed"),
        (standing.is_unknown, "unknown"),
        (standing.is_cut_off, "cut off"),
        (standing.is_waiting, "waiting"),
        (standing.was_loaded, "loaded"),
    )
    return next((name for is_so, name in cases if is_so), "never loaded")


def describe(item: Item, known: Known, task_state: TaskState) -> Resource:
    """Return a resource as the page's list shows it."""
    state, request = known.state, known.request
    recent = [_short(load) for load in state.recent] if state else []
    return Resource(
        dag_id=item.task.dag_id,
        task_id=item.task.task_id,
        pipeline_name=item.task.pipeline_name,
        resource=item.resource,
        # a task for a whole source learns its tables from its loads
        table=item.table or next(iter(state.tables if state else ()), None),
        write_disposition=item.write_disposition,
        status=status_of(Standing.of(known), task_state),
        cursor=[Cursor(**cursor) for cursor in cursor_documents(state.states if state else {})],
        last_load=recent[-1] if recent else None,
        recent=recent,
        request=WaitingRequest(kind=request.kind, text=describe_request(request))
        if request
        else None,
        problem=known.problem,
        is_whole_source=item.is_whole_source,
    )


def refresh_modes(item: Item) -> list[RefreshMode]:
    """Return the ways in which a resource can be loaded anew, the default first."""
    if item.write_disposition == "scd2":
        # to replace its table would lose the former versions of rows
        return ["drop_data", "drop_resources"]
    return ["replace", "drop_data", "drop_resources"]


def _task_states(session: Session, items: Sequence[Item]) -> dict[Item, TaskState]:
    keys = {item: (item.task.dag_id, item.task.task_id) for item in items}
    states = read_task_states(session, keys.values())
    return {item: states.get(key) for item, key in keys.items()}


def _planned_items(task: TaskFacts) -> list[Item]:
    return [
        Item(
            task,
            resource["name"],
            resource["table_name"],
            resource["write_disposition"]
            if resource["write_disposition"] in DISPOSITIONS
            else None,
        )
        for resource in task.resources
    ]


def _members(whole: Item, index: Known) -> list[Item]:
    members = index.state.members if index.state else ()
    return [Item(whole.task, name) for name in members] or [whole]


def _short(load: RecentLoad) -> ShortLoad:
    return ShortLoad(
        recorded_at=time_text(load.recorded_at),
        rows=load.rows,
        seconds=load.seconds,
        run_id=load.run_id,
    )


def _not_found(text: str) -> HTTPException:
    return HTTPException(status.HTTP_404_NOT_FOUND, text)
