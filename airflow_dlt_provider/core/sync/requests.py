"""From a planned source to what each of its tasks is asked to load."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone

from airflow_dlt_provider.core.planning.plan import PlannedTask
from airflow_dlt_provider.core.registry.environment import Mask
from airflow_dlt_provider.core.registry.worker_values import read_worker_values
from airflow_dlt_provider.core.spec import LoadRequest, RunIdentity
from airflow_dlt_provider.core.sync.plan import PlannedSync
from airflow_dlt_provider.core.sync.purpose import SyncPlaces, SyncPurpose, with_limit


def new_run_id(now: datetime | None = None) -> str:
    """Return an id that no other sync has."""
    return f"sync__{(now or datetime.now(timezone.utc)).isoformat()}"


def build_requests(
    planned: PlannedSync, purpose: SyncPurpose, places: SyncPlaces, run_id: str, mask: Mask
) -> Mapping[str, LoadRequest]:
    """Return task key -> what the task is asked to load, with all values resolved.

    Args:
        planned: The source.
        purpose: What is asked of the sync.
        places: Where it works.
        run_id: Names this sync in the state store.
        mask: Is given every secret that is found.

    Raises:
        ValueReferenceError: A `${VAR}` has no value here.
        SettingsError: A file of secrets is no TOML.
    """
    source = planned.source
    values = read_worker_values(source.source_spec(), mask, places.look_ups)
    resolved = values.resolved_source()
    resolved = replace(resolved, options=with_limit(resolved.options, purpose.limit))
    destination = values.resolved_destination(source.destination_spec(), source.destination_conn_id)
    run = RunIdentity(f"sync:{source.name}", run_id, host=socket.gethostname())

    def request_of(task: PlannedTask) -> LoadRequest:
        return LoadRequest(
            source=resolved,
            resources=task.resource_names,
            pipeline_name=source.pipeline_name,
            task_key=task.key,
            run=run,
            destination=destination,
            data_dir=places.data_dir,
            working_dir=places.working_dir / f"{source.name}__{task.key}",
            known_resources=planned.plan.known_resources,
            source_names=planned.plan.source_names,
            shared_tables=task.shared_tables,
            selected=planned.selected_of(task),
            refresh=purpose.refresh,
            window=purpose.window,
            allow_empty_replace=purpose.allow_empty_replace
            or source.entry.airflow.allow_empty_replace,
            on_failure=source.entry.airflow.on_failure,
            secrets_toml=places.look_ups.secrets_toml,
        )

    return {task.key: request_of(task) for task in planned.tasks}
