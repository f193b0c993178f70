"""Our own type of connection, `dlt`: any destination of dlt's, by dlt's own names.

Airflow's API shows a key of the extra to everybody who may read connections, unless its name sounds
secret to it, and `credentials` does not (3.3.2). So the field in the UI is `secret_credentials`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_dlt_provider.core.registry.connection_fields import (
    FIELD_NAMES,
    DestinationConfig,
    Fields,
    FileAccess,
    MappedType,
    destination_config,
    without_none,
)
from airflow_dlt_provider.core.registry.sql_connections import with_driver
from airflow_dlt_provider.core.spec import ConnectionValues

CONN_TYPE = "dlt"
CREDENTIALS = "secret_credentials"

_SERVER = {
    "host": "host",
    "port": "port",
    "login": "username",
    "password": "password",
    "schema": "database",
}

DLT_NAMES: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "postgres", "redshift", "mssql", "synapse", "snowflake", "clickhouse", "dremio",
            "sqlalchemy",
        ),
        _SERVER,
    ),
    "databricks": {"host": "server_hostname", "password": "access_token", "schema": "catalog"},
    "duckdb": {"schema": "database"},
    "motherduck": {"password": "password", "schema": "database"},
    "athena": {"login": "aws_access_key_id", "password": "aws_secret_access_key"},
    "fabric": {
        "host": "host",
        "port": "port",
        "login": "azure_client_id",
        "password": "azure_client_secret",
        "schema": "database",
    },
    "qdrant": {"host": "location", "password": "api_key"},
    "weaviate": {"host": "url", "password": "api_key"},
}  # fmt: skip
"""Destination -> field of the connection -> the name that dlt's credentials have for it."""

BUCKET_NAMES: Mapping[str, Mapping[str, str]] = {
    "s3": {"login": "aws_access_key_id", "password": "aws_secret_access_key"},
    "az": {"login": "azure_storage_account_name", "password": "azure_storage_account_key"},
    "abfss": {"login": "azure_storage_account_name", "password": "azure_storage_account_key"},
    "sftp": {"port": "sftp_port", "login": "sftp_username", "password": "sftp_password"},
}
"""Scheme of a `bucket_url` -> the same, for the destination `filesystem`."""

SQL_DESTINATIONS: Mapping[str, str] = {
    "postgres": "postgres",
    "redshift": "redshift",
    "mssql": "mssql",
    "synapse": "mssql",
    "snowflake": "snowflake",
    "clickhouse": "clickhouse",
    "databricks": "databricks",
    "duckdb": "duckdb",
    "motherduck": "motherduck",
    "sqlalchemy": "sqlalchemy",
}
"""Destination -> the type of connection whose tables are read in the same way."""

_AS_EXTRA = {
    "host": "account",
    "database": "database",
    "catalog": "catalog",
    "drivername": "sqlalchemy_scheme",
    "query": "sqlalchemy_query",
    "private_key_path": "private_key_file",
    "private_key": "private_key_content",
}
"""Name in dlt's credentials -> key of the extra of Airflow's own type of connection."""


def destination_of_dlt(fields: Fields) -> DestinationConfig:
    """Map a connection of type `dlt` to the destination that it names."""
    name = fields.need_extra("destination", "the name of a dlt destination, such as postgres")
    config = _parse_object(fields, "config", fields.any_option("config"))
    credentials = _credentials(fields, str(name), str(config.get("bucket_url", "")))
    given = config.pop("credentials", None)
    return destination_config(str(name), credentials or given, **config)


def files_of_dlt(fields: Fields) -> FileAccess:
    """Return the credentials of a connection of type `dlt`, and the bucket if it has one."""
    config = destination_of_dlt(fields).config
    return FileAccess(config.get("credentials"), config.get("bucket_url"))


def names_tables(fields: Fields) -> bool:
    """Tell whether SQLAlchemy reads the destination that the connection names."""
    return destination_of_dlt(fields).name in SQL_DESTINATIONS


def url_of_dlt(fields: Fields) -> str | None:
    """Return the connection string of a connection to tables, if it has one."""
    destination = destination_of_dlt(fields)
    credentials = destination.config.get("credentials")
    if not isinstance(credentials, str) or destination.name not in SQL_DESTINATIONS:
        return None
    return f"duckdb:///{credentials}" if _is_duckdb_path(credentials) else with_driver(credentials)


def as_sql_values(values: ConnectionValues, fields: Fields) -> ConnectionValues | None:
    """Return a connection of Airflow's own type that leads to the same tables, if there is one."""
    destination = destination_of_dlt(fields)
    conn_type = SQL_DESTINATIONS.get(destination.name)
    if conn_type is None:
        return None
    credentials: dict[str, Any] = dict(destination.config.get("credentials") or {})
    names = DLT_NAMES[destination.name]
    given = {field: credentials.get(name) for field, name in names.items()}
    extra: dict[str, Any] = {
        _AS_EXTRA.get(name, name): value for name, value in credentials.items()
    }
    if conn_type in ("snowflake", "databricks"):
        # there the schema of a connection is a schema, and the database or catalog an extra
        given["schema"] = None
    if conn_type == "snowflake":
        given["password"] = credentials.get("private_key_passphrase") or given["password"]
    if conn_type == "clickhouse":
        # dlt's port is the native one, and TLS is its default
        given["port"] = None
        extra = {"secure": True, **extra}
    return ConnectionValues(values.conn_id, conn_type, extra=extra, **given)


def _is_duckdb_path(text: str) -> bool:
    return "://" not in text or text.startswith("md:")


def _credentials(fields: Fields, destination: str, bucket_url: str) -> Any:
    names = DLT_NAMES.get(destination, {})
    if destination == "filesystem":
        names = BUCKET_NAMES.get(bucket_url.partition("://")[0], {})
    given = {name: fields.get(name) for name in FIELD_NAMES}
    strangers = [name for name, value in given.items() if value is not None and name not in names]
    if strangers:
        raise fields.error(
            f"has a {strangers[0]}, which the destination {destination!r} has no place for; give "
            f"it under dlt's own name in the field {CREDENTIALS!r}"
        )
    plain = without_none({dlt_name: given[name] for name, dlt_name in names.items()})
    text = _secret(fields)
    if isinstance(text, str) and not text.lstrip().startswith("{"):
        if plain:
            raise fields.error(
                f"has a connection string in the field {CREDENTIALS!r}, and host, port, login, "
                "password or schema as well; leave one or the other empty"
            )
        return text.strip()
    return {**plain, **_parse_object(fields, CREDENTIALS, text)} or None


def _secret(fields: Fields) -> Any:
    return fields.any_option(CREDENTIALS) or fields.any_option("credentials")


def _parse_object(fields: Fields, name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise fields.error(f"has a field {name!r} that is no JSON") from None
    if value is not None and not isinstance(value, Mapping):
        raise fields.error(f"has a field {name!r} that is no JSON object")
    return dict(value or {})


DLT_TYPE = MappedType(
    CONN_TYPE,
    ("the one that it names",),
    "the same place",
    FIELD_NAMES,
    ("destination", CREDENTIALS, "credentials", "config"),
    destination=destination_of_dlt,
    files=files_of_dlt,
)
"""Our own type."""
