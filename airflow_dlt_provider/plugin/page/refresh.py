"""A full refresh of one resource: a run of its Dag, started as Airflow's REST API starts one."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.sdk.exceptions import ParamValidationError
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType

from airflow_dlt_provider.core.errors import StateError, listed
from airflow_dlt_provider.plugin.page.resources import refresh_modes

if TYPE_CHECKING:
    from airflow_dlt_provider.plugin.page.access import Access
    from airflow_dlt_provider.plugin.page.models import RefreshAction, RefreshMode
    from airflow_dlt_provider.plugin.page.resources import Found

FULL_REFRESH, RESOURCES = "full_refresh", "resources"
REFRESH_MODE, ALLOW_EMPTY_REPLACE = "refresh_mode", "allow_empty_replace"

EFFECTS: dict[RefreshMode, str] = {
    "replace": "what the source returns takes the place of all rows of its tables, in one step "
    "where the destination can do that",
    "drop_data": "all rows of its tables are removed first, and the tables stay as they are",
    "drop_resources": "its tables are dropped first, with their columns, and made anew",
}


def plan_refresh(found: Found, action: RefreshAction) -> list[str]:
    """Return what a refresh does.

    Raises:
        StateError: It does not fit the resource, or its Dag has no full refresh.
    """
    mode = _mode(found, action)
    name, dag = found.item.resource, found.dag
    if found.item.task.param_prefix + FULL_REFRESH not in dag.param_names:
        raise StateError(
            f"Dag {dag.dag_id!r} has no param {found.item.task.param_prefix + FULL_REFRESH!r}; it "
            "has one once Airflow has parsed it with a version of this package that adds it"
        )
    run = f"starts a run of Dag {dag.dag_id}"
    effects = [f"{run} that loads {name} from the beginning, and no other resource", EFFECTS[mode]]
    if mode == "replace":
        effects.append(
            "if the source returns nothing, the tables are emptied"
            if action.allow_empty_replace
            else "if the source returns nothing, the load stops and the tables stay as they are"
        )
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


def _mode(found: Found, action: RefreshAction) -> RefreshMode:
    modes = refresh_modes(found.item)
    mode = action.refresh_mode or modes[0]
    if mode not in modes:
        raise StateError(
            f"resource {found.item.resource!r} keeps former versions of rows (scd2), which "
            f"{mode!r} does not fit; {listed(modes)}"
        )
    return mode
