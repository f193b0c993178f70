"""The values of one source where it is loaded: in a task of Airflow's, or on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from airflow_dlt_provider.core.errors import ConnectionNotFoundError
from airflow_dlt_provider.core.registry.connection_secrets import secrets_of
from airflow_dlt_provider.core.registry.connections import destination_of
from airflow_dlt_provider.core.registry.environment import (
    Environment,
    Mask,
    read_env_file,
    secrets_in,
    secrets_of_settings,
    sections_of,
)
from airflow_dlt_provider.core.registry.values import resolve_source, resolve_values
from airflow_dlt_provider.core.spec import ConnectionValues, DestinationSpec, SourceSpec


@dataclass(frozen=True)
class LookUps:
    """What is known of secrets outside the project: by Airflow, or by the environment."""

    secrets_toml: str | None = None
    """Text in the format of dlt's `secrets.toml`, besides the user's own files."""
    ask: Callable[[str], str | None] | None = None
    """As in `Environment`."""
    find_connection: Callable[[str], ConnectionValues] | None = None
    """Looks up an Airflow connection by its id."""


@dataclass(frozen=True)
class WorkerValues:
    """Resolves what was written of one source; every secret that it finds is masked first."""

    source: SourceSpec
    environment: Environment
    mask: Mask
    find_connection: Callable[[str], ConnectionValues] | None = None

    def mask_known(self, written: DestinationSpec) -> None:
        """Mask every value that is found here, and mind none that is missing."""
        found = resolve_source(self.source, self.environment, keep_missing=True)
        self.mask(found.secrets)
        address = {"destination": written.destination, "dataset_name": written.dataset_name}
        resolved = resolve_values(address, self.environment, keep_missing=True)
        self.mask(resolved.secrets)
        self.mask(passwords_in(resolved.values["destination"]))

    def resolved_source(self) -> SourceSpec:
        """Return the source with the references in its arguments replaced, and its connection.

        Raises:
            ValueReferenceError: A `${VAR}` has no value here.
        """
        resolved = resolve_source(self.source, self.environment)
        self.mask(resolved.secrets)
        conn_id = self.source.source_conn_id
        connection = self._connection(conn_id) if conn_id else None
        return replace(self.source, source_kwargs=resolved.values, connection=connection)

    def resolved_destination(
        self, written: DestinationSpec, conn_id: str | None = None
    ) -> DestinationSpec:
        """Return the destination with the references in its address and dataset replaced.

        Args:
            written: As the user wrote it.
            conn_id: An Airflow connection, in place of the destination that is written.

        Raises:
            ValueReferenceError: A `${VAR}` has no value here.
            PlanError: The connection leads to no destination of dlt's.
        """
        registration = self.source.registration
        values = {"dataset_name": written.dataset_name, "destination": written.destination}
        resolved = resolve_values(
            {name: value for name, value in values.items() if isinstance(value, str)},
            self.environment,
            keys_in="airflow" if registration else "",
            source_name=registration.name if registration else None,
        )
        self.mask(resolved.secrets)
        destination = resolved.values.get("destination", written.destination)
        self.mask(passwords_in(destination))
        if conn_id:
            destination = destination_of(self._connection(conn_id))
        dataset_name = resolved.values.get("dataset_name", written.dataset_name)
        return replace(
            written,
            destination=destination,
            dataset_name=None if dataset_name is None else str(dataset_name),
        )

    def _connection(self, conn_id: str) -> ConnectionValues:
        if self.find_connection is None:
            raise ConnectionNotFoundError(conn_id)
        values = self.find_connection(conn_id)
        self.mask(secrets_of(values))
        return values


def read_worker_values(
    source: SourceSpec, mask: Mask, look_ups: LookUps = LookUps()
) -> WorkerValues:
    """Read where the variables of a source are looked up, and mask the secrets there.

    Args:
        source: As it was written.
        mask: Hides values from now on.
        look_ups: What is known outside the project.

    Raises:
        SettingsError: A file of secrets is no TOML.
    """
    # this brings dlt, which is not needed to parse a Dag
    from airflow_dlt_provider.core.run_context import secret_documents, secrets_of_files

    secrets_toml, find_connection = look_ups.secrets_toml, look_ups.find_connection
    mask(secrets_of_files(source.base_dir, secrets_toml))
    mask(secrets_of_settings(os.environ))
    if source.registration is None:
        return WorkerValues(source, Environment(), mask, find_connection)
    env_file = read_env_file(source.registration)
    mask(secrets_in(env_file))
    name = source.registration.name
    documents = secret_documents(source.base_dir, secrets_toml)
    environment = Environment(
        env_file=env_file,
        sections=[section for document in documents for section in sections_of(document, name)],
        ask=look_ups.ask,
    )
    return WorkerValues(source, environment, mask, find_connection)


def passwords_in(address: Any) -> tuple[str, ...]:
    """Return the password of an address such as `postgresql://user:password@host`, as written."""
    if not isinstance(address, str) or "://" not in address:
        return ()
    try:
        password = urlsplit(address).password
    except ValueError:
        return ()
    return tuple(dict.fromkeys((password, unquote(password)))) if password else ()
