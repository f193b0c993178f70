"""A full refresh of one resource: a run of its Dag, started as Airflow's REST API starts one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.sdk.exceptions import ParamValidationError
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType

from airflow_dlt_provider.core.control.resources import describe_request
from airflow_dlt_provider.core.errors import StateError, listed
from airflow_dlt_provider.plugin.page.resources import refresh_modes
from airflow_dlt_provider.plugin.page.stores import Item, Known, read_known
from airflow_dlt_provider.run_params import (
    ALLOW_EMPTY_REPLACE,
    FULL_REFRESH,
    PARAM_NAMES,
    REFRESH_MODE,
    RESOURCES,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_dlt_provider.plugin.page.access import Access
    from airflow_dlt_provider.plugin.page.dags import DltDagFacts
    from airflow_dlt_provider.plugin.page.models import RefreshAction, RefreshMode
    from airflow_dlt_provider.plugin.page.resources import Found

EFFECTS: dict[RefreshMode, str] = {
    "replace": "what the source returns takes the place of all rows of {tables}, in one step "
    "where the destination can do that",
    "drop_data": "all rows of {tables} are removed once the source has been read, and then those "
    "that it returned are loaded; the columns stay",
    "drop_resources": "{tables} are dropped once the source has been read, and made anew with the "
    "columns that it has now",
}


def plan_refresh(session: Session, found: Found, action: RefreshAction) -> list[str]:
    """Return what a refresh does.

    Raises:
        StateError: It does not fit the resource, or its Dag has no full refresh.
    """
    mode = _mode(found, action)
    item, dag = found.item, found.dag
    param = item.task.param_prefix + FULL_REFRESH
    if param not in dag.param_names:
        raise StateError(
            f"Dag {dag.dag_id!r} has no param {param!r}; it has one once Airflow has parsed it "
            "with a version of this package that adds it"
        )
    _refuse_shared_table(found)
    known = read_known(session, found.siblings)
    others = ", ".join(_bound_to(found, known))
    start = f"starts a run of Dag {dag.dag_id} that loads {item.resource} from the beginning, and "
    effects = [
        f"{start}in the same way {others}, with a cursor or a table in common; and no other"
        if others
        else f"{start}no other resource",
        EFFECTS[mode].format(tables=_tables(item, known[item])),
        "if the source returns nothing, the tables are emptied"
        if action.allow_empty_replace
        else "if the source returns nothing, the load stops and the tables stay as they are",
        "loads before the refresh can then no longer be rewound or replayed",
    ]
    if others_of_dag := _other_params(dag):
        effects.append(f"other params of the Dag have their defaults: {', '.join(others_of_dag)}")
    if request := known[item].request:
        # only another value of the cursor still has a meaning afterwards
        outcome = "is done by the load after it" if request.kind == "set" else "comes to nothing"
        effects.append(f"what waits {outcome}: {describe_request(request)}")
    if dag.is_paused:
        effects.append(f"Dag {dag.dag_id} is paused: the run waits until it is unpaused")
    return effects


def start_refresh(access: Access, found: Found, action: RefreshAction) -> str:
    """Add the run to the session of *access*, and return its id.

    Raises:
        StateError: Airflow takes no such run of the Dag now.
    """
    dag_id = found.dag.dag_id
    model = access.session.get(DagModel, dag_id)
    if model is None or model.has_import_errors:
        raise StateError(f"Dag {dag_id!r} has import errors, so no run of it can be started")
    if model.allowed_run_types is not None and DagRunType.MANUAL not in model.allowed_run_types:
        raise StateError(f"Dag {dag_id!r} does not allow runs that a person starts")
    dag = DBDagBag().get_latest_version_of_dag(dag_id, session=access.session)
    if dag is None:
        raise StateError(f"Airflow has no version of Dag {dag_id!r} of which a run can be started")
    body = TriggerDAGRunPostBody(logical_date=datetime.now(timezone.utc), conf=_conf(found, action))
    try:
        values = body.validate_context(dag)
        run = dag.create_dagrun(
            run_id=values["run_id"],
            logical_date=values["logical_date"],
            data_interval=values["data_interval"],
            run_after=values["run_after"],
            conf=values["conf"],
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.UI,
            triggering_user_name=access.user_name,
            state=DagRunState.QUEUED,
            partition_key=values["partition_key"],
            partition_date=values["partition_date"],
            session=access.session,
        )
    except (ParamValidationError, ValueError) as error:
        raise StateError(f"Airflow takes no such run of Dag {dag_id!r}: {error}") from error
    return str(run.run_id)


def _conf(found: Found, action: RefreshAction) -> dict[str, Any]:
    prefix = found.item.task.param_prefix
    return {
        prefix + FULL_REFRESH: True,
        prefix + RESOURCES: [found.item.resource],
        prefix + REFRESH_MODE: _mode(found, action),
        prefix + ALLOW_EMPTY_REPLACE: action.allow_empty_replace,
    }


def _other_params(dag: DltDagFacts) -> list[str]:
    """Return the params of a Dag that its author gave it."""
    prefixes = {task.param_prefix for task in dag.tasks}
    ours = {prefix + name for prefix in prefixes for name in PARAM_NAMES}
    return sorted(dag.param_names - ours)


def _refuse_shared_table(found: Found) -> None:
    """Refuse what the load would refuse, before a run is started for it."""
    item = found.item
    sharing = [
        task.task_id
        for task in found.dag.tasks
        if task.task_id != item.task.task_id
        and task.pipeline_name == item.task.pipeline_name
        and any(other["table_name"] == item.table for other in task.resources)
    ]
    if sharing:
        raise StateError(
            f"resource {item.resource!r} cannot be refreshed by itself: task {sharing[0]!r} writes "
            f"table {item.table!r} too, and its rows would be lost. Load both in one task with "
            'decompose="none", or give each a table of its own'
        )


def _bound_to(found: Found, known: Mapping[Item, Known]) -> list[str]:
    """Return the other resources of the task that share a cursor or a table with a resource."""
    bound = {found.item}
    while more := {
        item
        for item in found.siblings
        if item not in bound and any(_are_bound(item, other, known) for other in bound)
    }:
        bound |= more
    return [item.resource for item in found.siblings if item in bound - {found.item}]


def _are_bound(one: Item, other: Item, known: Mapping[Item, Known]) -> bool:
    states, other_states = known[one].state, known[other].state
    shares_cursor = (
        states is not None
        and other_states is not None
        and not set(states.states).isdisjoint(other_states.states)
    )
    return shares_cursor or (one.table is not None and one.table == other.table)


def _tables(item: Item, known: Known) -> str:
    tables = list(known.state.tables) if known.state else []
    root = item.table or next(iter(tables), None)
    if root is None:
        return "its tables"
    return f"table {root} and those nested in it" if len(tables) != 1 else f"table {root}"


def _mode(found: Found, action: RefreshAction) -> RefreshMode:
    modes = refresh_modes(found.item)
    mode = action.refresh_mode or modes[0]
    if mode not in modes:
        raise StateError(
            f"resource {found.item.resource!r} keeps former versions of rows (scd2), which "
            f"{mode!r} does not fit; {listed(modes)}"
        )
    return mode
