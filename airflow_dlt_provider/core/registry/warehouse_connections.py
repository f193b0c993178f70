"""Connections to warehouses and DuckDB."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from airflow_dlt_provider.core.registry.connection_fields import (
    FIELD_NAMES,
    DestinationConfig,
    Fields,
    MappedType,
    destination_config,
    without_none,
)
from airflow_dlt_provider.core.registry.sql_connections import (
    DRIVERS,
    URL_EXTRAS,
    build_url,
    driver_query,
    server_fields,
)

MOTHERDUCK_PREFIX = "md:"
MOTHERDUCK_DATABASE = "my_db"
CLICKHOUSE_NATIVE_PORTS = (9000, 9440)

_SNOWFLAKE_EXTRAS = (
    "account", "region", "database", "warehouse", "role", "authenticator", "token",
    "workload_identity_provider", "private_key_file", "private_key_content",
)  # fmt: skip
_SNOWFLAKE_SAME = ("warehouse", "role", "authenticator", "token", "workload_identity_provider")
"""What Airflow, dlt and Snowflake's own connector call the same."""
_SNOWFLAKE_REFUSED = dict.fromkeys(
    ("refresh_token", "grant_type", "token_endpoint", "azure_conn_id"),
    "set 'token', a password or a private key",
)

_DATABRICKS_REFUSED = dict.fromkeys(
    (
        "azure_tenant_id", "use_azure_managed_identity", "use_default_azure_credential",
        "federated_k8s",
    ),
    "set 'token' or a password, or 'service_principal_oauth'",
)  # fmt: skip
_CLICKHOUSE_EXTRAS = (
    "secure", "native_port", "http_port", "connect_timeout", "send_receive_timeout",
)  # fmt: skip


def _snowflake_account(fields: Fields) -> str:
    host = (fields.get("host") or "").removeprefix("https://")
    account = fields.option("account") or host.removesuffix(".snowflakecomputing.com")
    if not account:
        raise fields.error("has no 'account' in its extra; set it, such as myorg-myaccount")
    region = fields.option("region")
    return f"{account}.{region}" if region and "." not in account else str(account)


def _snowflake_destination(fields: Fields) -> DestinationConfig:
    key = fields.present(private_key="private_key_content", private_key_path="private_key_file")
    password = fields.get("password")
    credentials = {
        "host": _snowflake_account(fields),
        "username": fields.get("login"),
        "database": fields.need_extra("database", "the name of the database"),
        # beside a private key, the password is its passphrase, as for Airflow's own hook
        "private_key_passphrase" if key else "password": password,
        **fields.present(*_SNOWFLAKE_SAME),
        **key,
    }
    return destination_config("snowflake", without_none(credentials))


def _snowflake_url(fields: Fields) -> str:
    fields.refuse("private_key_content", "a URL cannot carry a key; set 'private_key_file'")
    key_file = fields.option("private_key_file")
    names = fields.present(*_SNOWFLAKE_SAME)
    query = {**names, **driver_query(fields, ())}
    server: dict[str, Any] = {
        "host": _snowflake_account(fields),
        "username": fields.get("login"),
        "database": "/".join(filter(None, (fields.option("database"), fields.get("schema")))),
    }
    if key_file:
        passphrase = without_none({"private_key_file_pwd": fields.get("password")})
        query = {"private_key_file": key_file, **passphrase, **query}
    else:
        server["password"] = fields.get("password")
    scheme = str(fields.option("sqlalchemy_scheme") or "snowflake")
    return build_url(scheme, without_none(server), query)


def _databricks_server(fields: Fields) -> dict[str, Any]:
    host = fields.need("host", "the address of the workspace")
    login, password = fields.get("login"), fields.get("password")
    if fields.flag("service_principal_oauth"):
        secrets = {"client_id": login, "client_secret": password}
    else:
        # Airflow's own hook keeps the token in either place
        secrets = {"access_token": fields.option("token") or password}
    return without_none(
        {
            "server_hostname": fields.host_name(host),
            "http_path": fields.need_extra("http_path", "the path of the SQL warehouse"),
            **secrets,
        }
    )


def _databricks_destination(fields: Fields) -> DestinationConfig:
    server = _databricks_server(fields)
    catalog = fields.need_extra("catalog", "the catalog that dlt writes to")
    return destination_config("databricks", {**server, "catalog": catalog})


def _databricks_url(fields: Fields) -> str:
    server = _databricks_server(fields)
    if "access_token" not in server:
        raise fields.error("has no 'token'; a source that reads tables logs in by a token alone")
    names = {"catalog": fields.option("catalog"), "schema": fields.get("schema")}
    return build_url(
        str(fields.option("sqlalchemy_scheme") or "databricks"),
        {
            "username": "token",
            "password": server["access_token"],
            "host": server["server_hostname"],
            "port": fields.get("port"),
        },
        {"http_path": server["http_path"], **without_none(names), **driver_query(fields, ())},
    )


def _clickhouse_ports(fields: Fields) -> tuple[int, int]:
    """Return the native port and the HTTP port: dlt needs both, and Airflow keeps one."""
    secure = fields.flag("secure")
    native, http = (9440, 8443) if secure else (9000, 8123)
    port = fields.get("port")
    if port in CLICKHOUSE_NATIVE_PORTS:
        native = port
    elif port:
        http = port
    return fields.number("native_port") or native, fields.number("http_port") or http


def _clickhouse_destination(fields: Fields) -> DestinationConfig:
    native, http = _clickhouse_ports(fields)
    credentials = {
        **server_fields(fields),
        "port": native,
        "http_port": http,
        "secure": int(fields.flag("secure")),
        "password": fields.get("password") or "",
        "connect_timeout": fields.number("connect_timeout"),
        "send_receive_timeout": fields.number("send_receive_timeout"),
    }
    return destination_config("clickhouse", without_none(credentials))


def _clickhouse_url(fields: Fields) -> str:
    server = {**server_fields(fields), "port": _clickhouse_ports(fields)[1]}
    query = {"secure": "true"} if fields.flag("secure") else {}
    scheme = str(fields.option("sqlalchemy_scheme") or DRIVERS["clickhouse"])
    return build_url(scheme, server, {**query, **driver_query(fields, ())})


def _motherduck_database(fields: Fields) -> tuple[str, str | None] | None:
    """Return database and token where the connection means MotherDuck."""
    host, password = fields.get("host") or "", fields.get("password")
    if host.startswith(MOTHERDUCK_PREFIX):
        name, _, query = host.removeprefix(MOTHERDUCK_PREFIX).lstrip("/").partition("?")
        options = dict(parse_qsl(query))
        token = options.get("motherduck_token") or options.get("token")
        return name or fields.get("schema") or MOTHERDUCK_DATABASE, password or token
    if password and not _is_path(host):
        # the DuckDB provider for Airflow has a token, and the database as schema or host
        return fields.get("schema") or host or MOTHERDUCK_DATABASE, password
    return None


def _is_path(host: str) -> bool:
    return "/" in host or "." in host


def _duckdb_path(fields: Fields) -> str:
    path = fields.get("host") or fields.get("schema")
    if path is None or path == ":memory:":
        raise fields.error(
            "names no file; set the host to a path, or to md:DATABASE with a token as the password"
        )
    return str(path)


def _duckdb_destination(fields: Fields) -> DestinationConfig:
    motherduck = _motherduck_database(fields)
    return _motherduck(*motherduck) if motherduck else _duckdb_file(fields)


def _duckdb_file(fields: Fields) -> DestinationConfig:
    read_only = True if fields.flag("read_only") else None
    credentials = {"database": _duckdb_path(fields), "read_only": read_only}
    return destination_config("duckdb", without_none(credentials))


def _duckdb_url(fields: Fields) -> str:
    motherduck = _motherduck_database(fields)
    if motherduck:
        return _motherduck_url(*motherduck)
    return build_url("duckdb", {"database": _duckdb_path(fields)})


def _motherduck(database: str, token: str | None) -> DestinationConfig:
    return destination_config("motherduck", without_none({"database": database, "password": token}))


def _motherduck_url(database: str, token: str | None) -> str:
    query = f"?{urlencode({'motherduck_token': token})}" if token else ""
    return f"duckdb:///{MOTHERDUCK_PREFIX}{database}{query}"


def _own_motherduck(fields: Fields) -> tuple[str, str | None]:
    return fields.get("schema") or fields.get("host") or MOTHERDUCK_DATABASE, fields.get("password")


WAREHOUSE_TYPES = (
    MappedType(
        "snowflake",
        ("snowflake",),
        "snowflake://",
        ("host", "login", "password", "schema"),
        (*_SNOWFLAKE_EXTRAS, *URL_EXTRAS),
        refused=_SNOWFLAKE_REFUSED,
        destination=_snowflake_destination,
        sql_url=_snowflake_url,
    ),
    MappedType(
        "databricks",
        ("databricks",),
        "databricks://",
        FIELD_NAMES,
        ("http_path", "catalog", "token", "service_principal_oauth", *URL_EXTRAS),
        refused=_DATABRICKS_REFUSED,
        destination=_databricks_destination,
        sql_url=_databricks_url,
    ),
    MappedType(
        "clickhouse",
        ("clickhouse",),
        f"{DRIVERS['clickhouse']}://",
        FIELD_NAMES,
        (*_CLICKHOUSE_EXTRAS, *URL_EXTRAS),
        destination=_clickhouse_destination,
        sql_url=_clickhouse_url,
    ),
    MappedType(
        "duckdb",
        ("duckdb", "motherduck"),
        "duckdb://",
        ("host", "schema", "password"),
        ("read_only",),
        destination=_duckdb_destination,
        sql_url=_duckdb_url,
    ),
    MappedType(
        "motherduck",
        ("motherduck",),
        "duckdb://",
        ("host", "schema", "password"),
        (),
        destination=lambda fields: _motherduck(*_own_motherduck(fields)),
        sql_url=lambda fields: _motherduck_url(*_own_motherduck(fields)),
    ),
)
"""Types of connections to warehouses and DuckDB."""
