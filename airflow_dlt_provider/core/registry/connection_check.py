"""Whether a connection works, found out by connecting as a load would."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_dlt_provider.core.registry.connection_fields import DestinationConfig
from airflow_dlt_provider.core.registry.connection_secrets import secrets_of, without_secrets
from airflow_dlt_provider.core.registry.connections import (
    MAPPED_TYPES,
    build_destination,
    destination_of,
    sql_url,
)
from airflow_dlt_provider.core.run_context import loading_context
from airflow_dlt_provider.core.spec import ConnectionValues

if TYPE_CHECKING:
    from dlt.common.destination.client import JobClientBase

CHECK_NAME = "connection_check"


def check_connection(values: ConnectionValues, data_dir: Path) -> tuple[bool, str]:
    """Connect, and say whether it went well; no secret is in what is said.

    A database gets a `SELECT 1`, a bucket or folder is listed. Nothing is written, and a file
    that does not exist yet is not made.

    Args:
        values: The connection.
        data_dir: Where a relative path of a local destination starts.
    """
    try:
        with loading_context(data_dir, data_dir, CHECK_NAME, CHECK_NAME):
            said = _connect(values)
    except Exception as error:
        text = f"{type(error).__name__}: {error}".strip()
        return False, without_secrets(text, secrets_of(values))
    return True, without_secrets(said, secrets_of(values))


def _connect(values: ConnectionValues) -> str:
    mapped = MAPPED_TYPES.get(values.conn_type)
    if mapped is not None and mapped.destination is None:
        return _select_from(sql_url(values))
    config = destination_of(values)
    return _ask(config, _open_client(config))


def _open_client(config: DestinationConfig) -> Any:
    from dlt.common.destination.client import DestinationClientDwhConfiguration
    from dlt.common.schema import Schema

    destination = build_destination(config)
    spec = destination.spec()
    if isinstance(spec, DestinationClientDwhConfiguration):
        spec._bind_dataset_name(dataset_name=CHECK_NAME)
    client = destination.client(Schema(CHECK_NAME), spec)
    _leave_files_alone(client)
    return client


def _leave_files_alone(client: JobClientBase) -> None:
    credentials: Any = getattr(client.config, "credentials", None)
    if client.config.destination_type.endswith("duckdb"):
        # with the right to write it would make a file, and keep a load from its own
        credentials.read_only = True
    database = getattr(credentials, "database", None) or ""
    if getattr(credentials, "drivername", "") == "sqlite" and not Path(database).is_file():
        raise FileNotFoundError(f"there is no file {database} yet; the first load makes it")


def _ask(config: DestinationConfig, client: Any) -> str:
    from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

    if isinstance(client, FilesystemClient):
        found = client.fs_client.ls(client.bucket_path, detail=False)
        return f"listed {client.config.bucket_url}: {len(found)} entries"
    sql_client = getattr(client, "sql_client", None)
    if sql_client is None:
        with client:
            client.is_storage_initialized()
        return f"connected to {config.name}"
    with sql_client:
        sql_client.execute_sql(_select_one(config.name))
    return f"connected to {config.name} and ran SELECT 1"


def _select_one(destination_name: str) -> Any:
    if destination_name != "sqlalchemy":
        return "SELECT 1"
    # Oracle wants a FROM, which SQLAlchemy knows
    from sqlalchemy import literal, select

    return select(literal(1))


def _select_from(url: str) -> str:
    from sqlalchemy import create_engine, literal, select

    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(select(literal(1)))
    finally:
        engine.dispose()
    return f"connected by {engine.dialect.name} and ran SELECT 1"
