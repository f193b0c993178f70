"""What a person asks of a resource on the page: planned, written to the audit log, and done."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from airflow.models.log import Log

from airflow_dlt_provider.core.control.planner import PlannedRequest, RequestPlanner
from airflow_dlt_provider.core.control.resources import KnownResources, describe_request
from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.plugin.page.detail import ui_path
from airflow_dlt_provider.plugin.page.models import (
    Action,
    Done,
    Plan,
    RefreshAction,
    ReplayAction,
    RequestAction,
    RewindAction,
    SetAction,
)
from airflow_dlt_provider.plugin.page.refresh import plan_refresh, start_refresh
from airflow_dlt_provider.plugin.page.stores import Item, opened_store

if TYPE_CHECKING:
    from airflow_dlt_provider.core.state.store import StateStore
    from airflow_dlt_provider.plugin.page.access import Access
    from airflow_dlt_provider.plugin.page.resources import Found


def require_resource(found: Found) -> None:
    """Refuse what no load would ever apply a request to.

    Raises:
        StateError: It is the task for a whole source.
    """
    if found.item.is_whole_source:
        raise StateError(
            f"{found.item.resource!r} is the task for a whole source, whose resources nobody knows "
            "before its first load; ask again after that"
        )


def plan_action(access: Access, found: Found, action: Action) -> Plan:
    """Say what an action would do; nothing is changed.

    Raises:
        StateError: It does not fit the resource.
        StateStoreError: The state store cannot be reached.
    """
    require_resource(found)
    if isinstance(action, RefreshAction):
        return Plan(effects=plan_refresh(access.session, found, action))
    with opened_store(access.session, found.item, found.siblings) as store:
        known = _known_resources(store, found)
        planned = _planned_request(known, found.siblings, access.user_name, action)
        earlier = known.pending.get(found.item.resource)
    replaces = describe_request(earlier) if earlier else None
    return Plan(effects=list(planned.effects), replaces=replaces)


def do_action(access: Access, found: Found, action: Action) -> Done:
    """Do what was asked; its row in the audit log is written first.

    Raises:
        StateError: It does not fit the resource.
        StateStoreError: The state store cannot be reached.
    """
    require_resource(found)
    if isinstance(action, RefreshAction):
        return _refresh(access, found, action)
    with opened_store(access.session, found.item, found.siblings) as store:
        known = _known_resources(store, found)
        planned = _planned_request(known, found.siblings, access.user_name, action)
        _log(access, found, action, planned.effects)
        access.session.commit()
        try:
            store.ask(planned.request)
        except Exception as error:
            _log(access, found, action, [f"failed: {error}"], event=f"dlt_{action.action}_failed")
            access.session.commit()
            raise
    return Done(message=f"Recorded. The next load of {found.item.resource} applies it.")


def _refresh(access: Access, found: Found, action: RefreshAction) -> Done:
    dag_id = found.dag.dag_id
    effects = plan_refresh(access.session, found, action)
    run_id = start_refresh(access, found, action)
    # in the transaction that has the run
    _log(access, found, action, effects, run_id=run_id)
    access.session.commit()
    waits = " It waits until the Dag is unpaused." if found.dag.is_paused else ""
    return Done(
        message=f"Started run {run_id}, which loads {found.item.resource} anew.{waits}",
        link=ui_path("dags", dag_id, "runs", run_id),
    )


def _known_resources(store: StateStore, found: Found) -> KnownResources:
    return KnownResources(
        store, found.item.task.pipeline_name, [item.resource for item in found.siblings]
    )


def _planned_request(
    known: KnownResources, siblings: Iterable[Item], user_name: str, action: RequestAction
) -> PlannedRequest:
    dispositions = {item.resource: item.write_disposition for item in siblings}
    planner = RequestPlanner(known, user_name, dispositions=dispositions)
    name = action.resource
    if isinstance(action, SetAction):
        return planner.plan_set(
            name, action.value, action.path, action.value_type, action.cursor_resource
        )
    if isinstance(action, RewindAction):
        return planner.plan_rewind(name, action.record_id)
    if isinstance(action, ReplayAction):
        return planner.plan_replay(name, action.run_id) or planner.refuse_run(action.run_id, [name])
    return planner.plan_reset(name)


def _log(
    access: Access,
    found: Found,
    action: Action,
    effects: Iterable[str],
    *,
    event: str | None = None,
    run_id: str | None = None,
) -> None:
    asked = action.model_dump(exclude={"dag_id", "task_id", "resource"}, exclude_none=True)
    extra = {"resource": found.item.resource, "asked": asked, "effects": list(effects)}
    access.session.add(
        Log(
            event=event or f"dlt_{action.action}",
            owner=access.user_name,
            owner_display_name=access.user_name,
            extra=json.dumps(extra, ensure_ascii=False),
            dag_id=found.dag.dag_id,
            task_id=found.item.task.task_id,
            run_id=run_id,
        )
    )
