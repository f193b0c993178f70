"""From a task and its context to what the core is asked to load.

Airflow's Variables and Connections belong to the main thread, so all of them are looked up here,
and every secret that is found is masked in the log.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Variable
from airflow.sdk.log import mask_secret

from airflow_dlt_provider import settings
from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.registry.connections import build_destination, destination_of
from airflow_dlt_provider.core.registry.environment import (
    Environment,
    read_env_file,
    secrets_in,
    sections_of,
)
from airflow_dlt_provider.core.registry.values import resolve_source, resolve_values
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
    source = SourceSpec(
        operator.source,
        base_dir,
        operator.source_kwargs,
        operator.configure,
        operator.options,
        registration=operator.registration,
        source_conn_id=operator.source_conn_id,
    )
    environment = _environment(source, secrets_toml)
    task_key = operator.task_key or names.task_key(operator.task_id)
    return LoadRequest(
        source=_resolved(source, environment),
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
        destination=_destination(operator, environment),
        data_dir=settings.data_dir(),
        working_dir=settings.working_dir() / _working_folder_name(context, task_key),
        known_resources=operator.known_resources,
        source_names=operator.source_names,
        shared_tables=operator.shared_tables,
        selected=purpose.selected_of(operator.resource_names),
        refresh=purpose.refresh,
        window=purpose.window,
        interval=purpose.interval,
        allow_empty_replace=operator.allow_empty_replace or purpose.allow_empty_replace,
        replay_run_id=purpose.replay_run_id,
        lock_timeout_seconds=settings.lock_timeout_seconds(),
        secrets_toml=secrets_toml,
    )


def _environment(source: SourceSpec, secrets_toml: str | None) -> Environment:
    """Return where the variables of a source are looked up, with all secrets masked."""
    # this brings dlt, which is not needed to parse a Dag
    from airflow_dlt_provider.core.run_context import secret_documents, secrets_of_files

    _mask(secrets_of_files(source.base_dir, secrets_toml))
    if source.registration is None:
        return Environment()
    env_file = read_env_file(source.registration)
    _mask(secrets_in(env_file))
    name = source.registration.name
    documents = secret_documents(source.base_dir, secrets_toml)
    return Environment(
        env_file=env_file,
        sections=[section for document in documents for section in sections_of(document, name)],
        ask=lambda variable: Variable.get(variable, default=None),
    )


def _resolved(source: SourceSpec, environment: Environment) -> SourceSpec:
    resolved = resolve_source(source, environment)
    _mask(resolved.secrets)
    conn_id = source.source_conn_id
    connection = read_connection(conn_id) if conn_id else None
    return replace(source, source_kwargs=resolved.values, connection=connection)


def _destination(operator: DltResourceOperator, environment: Environment) -> DestinationSpec:
    written = {"dataset_name": operator.dataset_name, "destination": operator.destination}
    resolved = resolve_values(
        {name: value for name, value in written.items() if isinstance(value, str)},
        environment,
        keys_in="airflow" if operator.registration else "",
        source_name=operator.registration.name if operator.registration else None,
    )
    _mask(resolved.secrets)
    dataset_name = resolved.values.get("dataset_name", operator.dataset_name)
    return DestinationSpec(
        destination=_destination_at(operator)
        or resolved.values.get("destination", operator.destination),
        dataset_name=None if dataset_name is None else str(dataset_name),
        staging=operator.staging,
        loader_file_format=operator.loader_file_format,
        schema_contract=operator.schema_contract,
    )


def _destination_at(operator: DltResourceOperator) -> Any:
    if operator.destination_conn_id is None:
        return None
    return build_destination(destination_of(read_connection(operator.destination_conn_id)))


def _working_folder_name(context: Context, task_key: str) -> str:
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
