"""What Airflow's database says of Dags with dlt tasks, read without building their operators."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.models.asset import AssetModel, TaskInletAssetReference, TaskOutletAssetReference
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import func, select, union
from sqlalchemy.orm import Session

from airflow_dlt_provider.operators.dlt import FACTS
from airflow_dlt_provider.state_stores.asset_server import OUR_URIS

MAX_IN_LIST = 500
"""How many names a query takes before it rather reads all of a Dag."""


@dataclass(frozen=True, eq=False)
class TaskFacts:
    """A dlt task, as the serialized Dag describes it."""

    dag_id: str
    task_id: str
    task_key: str
    pipeline_name: str
    dataset_name: str | None
    state_store: str | None
    has_hidden_state_store: bool
    param_prefix: str
    resources: tuple[Mapping[str, str], ...]
    """`name`, `table_name` and `write_disposition` of each; none of a task for a whole source."""


@dataclass(frozen=True)
class DltDagFacts:
    """A Dag with dlt tasks."""

    dag_id: str
    is_paused: bool
    param_names: frozenset[str]
    tasks: tuple[TaskFacts, ...]


_parsed: dict[str, tuple[str, DltDagFacts]] = {}
"""Dag id -> hash of its serialized form, and what was read there."""


def read_dags(session: Session, dag_ids: Collection[str]) -> list[DltDagFacts]:
    """Return those of some Dags that have dlt tasks, sorted by id.

    The serialized form of a Dag, some megabytes with 1,000 tasks, is read again when it changes.
    """
    latest = _latest_versions(session, dag_ids)
    new = {
        dag_id: version
        for dag_id, (version, dag_hash, _) in latest.items()
        if _parsed.get(dag_id, ("",))[0] != dag_hash
    }
    if new:
        statement = select(SerializedDagModel).where(
            SerializedDagModel.dag_version_id.in_(new.values())
        )
        for row in session.scalars(statement):
            _parsed[row.dag_id] = (row.dag_hash, _parse(row.dag_id, row.data or {}))
            session.expunge(row)
    found = []
    for dag_id, (_, _, is_paused) in sorted(latest.items()):
        facts = _parsed[dag_id][1] if dag_id in _parsed else None
        if facts and facts.tasks:
            found.append(DltDagFacts(dag_id, bool(is_paused), facts.param_names, facts.tasks))
    return found


def read_task_states(
    session: Session, tasks: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str | None]:
    """Return (Dag id, task id) -> state of the task in the last run of its Dag."""
    wanted = set(tasks)
    dag_ids, task_ids = ({item[n] for item in wanted} for n in (0, 1))
    last = select(func.max(DagRun.id)).where(DagRun.dag_id.in_(dag_ids)).group_by(DagRun.dag_id)
    statement = (
        select(TaskInstance.dag_id, TaskInstance.task_id, TaskInstance.state)
        .join(
            DagRun,
            (DagRun.dag_id == TaskInstance.dag_id) & (DagRun.run_id == TaskInstance.run_id),
        )
        .where(DagRun.id.in_(last))
    )
    if len(task_ids) <= MAX_IN_LIST:
        statement = statement.where(TaskInstance.task_id.in_(task_ids))
    rows = session.execute(statement)
    return {(dag_id, task_id): state for dag_id, task_id, state in rows}


def _latest_versions(
    session: Session, dag_ids: Collection[str]
) -> dict[str, tuple[Any, str, bool | None]]:
    """Return Dag id -> id and hash of its last version, and whether it is paused."""
    references = union(
        *(
            select(reference.dag_id)
            .join(AssetModel, AssetModel.id == reference.asset_id)
            .where(AssetModel.uri.startswith(OUR_URIS, autoescape=True))
            for reference in (TaskInletAssetReference, TaskOutletAssetReference)
        )
    ).subquery()
    newest = (
        select(DagVersion.dag_id, func.max(DagVersion.version_number).label("number"))
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .where(DagVersion.dag_id.in_(select(references.c.dag_id)))
        .group_by(DagVersion.dag_id)
        .subquery()
    )
    statement = (
        select(DagModel.dag_id, DagVersion.id, SerializedDagModel.dag_hash, DagModel.is_paused)
        .join(newest, newest.c.dag_id == DagModel.dag_id)
        .join(
            DagVersion,
            (DagVersion.dag_id == newest.c.dag_id) & (DagVersion.version_number == newest.c.number),
        )
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .where(~DagModel.is_stale)
    )
    if len(dag_ids) <= MAX_IN_LIST:
        statement = statement.where(DagModel.dag_id.in_(dag_ids))
    rows = session.execute(statement)
    return {
        dag_id: (version, dag_hash, is_paused)
        for dag_id, version, dag_hash, is_paused in rows
        if dag_id in dag_ids
    }


def _parse(dag_id: str, data: Mapping[str, Any]) -> DltDagFacts:
    dag = data.get("dag", {})
    tasks = (task["__var"] for task in dag.get("tasks", ()))
    return DltDagFacts(
        dag_id,
        is_paused=False,
        param_names=frozenset(name for name, _ in dag.get("params", ())),
        tasks=tuple(_parse_task(dag_id, task) for task in tasks if FACTS in task),
    )


def _parse_task(dag_id: str, task: Mapping[str, Any]) -> TaskFacts:
    facts = json.loads(task[FACTS])
    return TaskFacts(
        dag_id=dag_id,
        task_id=task["task_id"],
        # an older version of this package did not tell it
        task_key=facts.get("task_key") or task["task_id"],
        pipeline_name=facts["pipeline_name"],
        dataset_name=facts["dataset_name"],
        state_store=facts["state_store"],
        has_hidden_state_store=facts["has_hidden_state_store"],
        param_prefix=facts["param_prefix"],
        resources=tuple(facts["resources"]),
    )
