"""From a task and its context to what the core is asked to load.

Airflow's Variables and Connections belong to the main thread, so all of them are looked up here,
and every secret that is found is masked in the log.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Variable
from airflow.sdk.log import mask_secret

from airflow_dlt_provider import settings
from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.registry.worker_values import LookUps, read_worker_values
from airflow_dlt_provider.core.spec import (
    SECRETS_VARIABLE,
    DestinationSpec,
    LoadRequest,
    RunIdentity,
    SourceSpec,
)
from airflow_dlt_provider.hooks.dlt import read_connection
from airflow_dlt_provider.run_params import RunPurpose

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dlt_provider.operators.dlt import DltResourceOperator


def build_request(
    operator: DltResourceOperator, context: Context, purpose: RunPurpose
) -> LoadRequest:
    """Return what the run of *context* asks of one task.

    Raises:
        ValueReferenceError: A `${VAR}` has no value here.
        SettingsError: A file of secrets is no TOML.
    """
    dag, task_instance = context["dag"], context["ti"]
    base_dir = Path(operator.base_dir or Path(dag.fileloc).parent)
    secrets_toml = Variable.get(SECRETS_VARIABLE, default=None)
    variable = partial(Variable.get, default=None)
    look_ups = LookUps(secrets_toml, variable, read_connection)
    values = read_worker_values(_source_of(operator, base_dir), _mask, look_ups)
    task_key = operator.task_key or names.task_key(operator.task_id)
    return LoadRequest(
        source=values.resolved_source(),
        resources=operator.resource_names,
        pipeline_name=operator.pipeline_name or names.default_pipeline_name(dag.dag_id),
        task_key=task_key,
        run=RunIdentity(
            dag.dag_id,
            task_instance.run_id,
            task_instance.try_number,
            task_instance.max_tries,
            socket.gethostname(),
        ),
        destination=values.resolved_destination(
            DestinationSpec(
                operator.destination,
                operator.dataset_name,
                operator.staging,
                operator.loader_file_format,
                operator.schema_contract,
            ),
            operator.destination_conn_id,
        ),
        data_dir=settings.data_dir(),
        working_dir=settings.working_dir() / working_folder_name(context, task_key),
        known_resources=operator.known_resources,
        source_names=operator.source_names,
        shared_tables=operator.shared_tables,
        selected=purpose.selected_of(operator.resource_names),
        refresh=purpose.refresh,
        window=purpose.window,
        interval=purpose.interval,
        allow_empty_replace=operator.allow_empty_replace or purpose.allow_empty_replace,
        on_failure=operator.on_failure,
        replay_run_id=purpose.replay_run_id,
        lock_timeout_seconds=settings.lock_timeout_seconds(),
        secrets_toml=secrets_toml,
    )


def _source_of(operator: DltResourceOperator, base_dir: Path) -> SourceSpec:
    return SourceSpec(
        operator.source,
        base_dir,
        operator.source_kwargs,
        operator.configure,
        operator.options,
        registration=operator.registration,
        source_conn_id=operator.source_conn_id,
    )


def working_folder_name(context: Context, task_key: str) -> str:
    """Name the folder in which the task instance of *context* works."""
    task_instance = context["ti"]
    return names.working_folder_name(
        task_key,
        str(settings.airflow_home()),
        task_instance.dag_id,
        task_instance.run_id,
        task_instance.task_id,
        task_instance.map_index,
    )


def _mask(secrets: Iterable[Any]) -> None:
    for secret in secrets:
        mask_secret(secret)
