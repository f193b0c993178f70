"""Connections to SQL databases: the URL that SQLAlchemy reads by, and the destination.

Drivers are always named, since SQLAlchemy's own choice changes between its versions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from airflow_dlt_provider.core.registry.connection_fields import (
    FIELD_NAMES,
    DestinationConfig,
    Fields,
    MappedType,
    destination_config,
    without_none,
)

DRIVERS: Mapping[str, str] = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "redshift": "redshift+psycopg2",
    "mysql": "mysql+pymysql",
    "mssql": "mssql+pyodbc",
    "oracle": "oracle+oracledb",
    "clickhouse": "clickhousedb+connect",
}
"""A database -> the dialect and driver of SQLAlchemy."""

ODBC_DRIVER = "ODBC Driver 18 for SQL Server"

URL_EXTRAS = ("sqlalchemy_scheme", "sqlalchemy_query")
"""Keys of Airflow's own: another dialect and driver, and an object of options for it."""

POSTGRES_OPTIONS = (
    "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "connect_timeout",
    "application_name", "options", "client_encoding", "keepalives", "keepalives_idle",
    "keepalives_interval", "keepalives_count", "target_session_attrs",
)  # fmt: skip
MYSQL_OPTIONS = (
    "charset", "connect_timeout", "read_timeout", "write_timeout", "unix_socket", "ssl_ca",
    "ssl_cert", "ssl_key", "ssl_capath", "ssl_cipher", "ssl_check_hostname",
)  # fmt: skip
MSSQL_OPTIONS = ("Encrypt", "TrustServerCertificate", "Authentication", "ApplicationIntent")

REFUSED_IAM = {"iam": "set a login and a password, or give a token as the password"}


def build_url(
    drivername: str,
    fields: Mapping[str, Any],
    query: Mapping[str, Any] | None = None,
) -> str:
    """Build a URL for SQLAlchemy, with every part quoted.

    Args:
        drivername: Dialect and driver, such as `postgresql+psycopg2`.
        fields: `username`, `password`, `host`, `port` and `database`, as far as they are set.
        query: Options of the driver.
    """
    from sqlalchemy.engine import URL

    options = {name: _option_text(value) for name, value in (query or {}).items()}
    url = URL.create(drivername, **fields, query=options)
    return url.render_as_string(hide_password=False)


def with_driver(url: str) -> str:
    """Name the driver in a connection string that leaves it to SQLAlchemy."""
    scheme, separator, rest = url.partition("://")
    return f"{DRIVERS.get(scheme, scheme)}{separator}{rest}" if separator else url


def server_fields(fields: Fields) -> dict[str, Any]:
    """Return host, port, user, password and database by the names of SQLAlchemy and dlt."""
    return without_none(
        {
            "host": fields.need("host", "the name or address of the server"),
            "port": fields.get("port"),
            "username": fields.get("login"),
            "password": fields.get("password"),
            "database": fields.get("schema"),
        }
    )


def driver_query(fields: Fields, options: tuple[str, ...]) -> dict[str, Any]:
    """Return those keys of the extra that are meant for the driver."""
    given = {name: fields.option(name) for name in options}
    return {**without_none(given), **fields.mapping("sqlalchemy_query")}


def _option_text(value: Any) -> str:
    # drivers read `true`, never Python's `True`
    return str(value).lower() if isinstance(value, bool) else str(value)


def _scheme(fields: Fields, database: str) -> str:
    return str(fields.option("sqlalchemy_scheme") or DRIVERS[database])


def _postgres_url(fields: Fields, database: str) -> str:
    query = driver_query(fields, POSTGRES_OPTIONS)
    return build_url(_scheme(fields, database), server_fields(fields), query)


def _postgres_destination(fields: Fields, name: str) -> DestinationConfig:
    query = driver_query(fields, POSTGRES_OPTIONS)
    # dlt has these two as fields, and writes them over what the query says
    own = {
        "connect_timeout": fields.number("connect_timeout"),
        "client_encoding": query.pop("client_encoding", None),
    }
    query.pop("connect_timeout", None)
    credentials = {
        **server_fields(fields),
        "username": fields.need("login", "the user of the database"),
        "database": fields.need("schema", "the name of the database"),
        # dlt insists on a password, which a server may not ask for
        "password": fields.get("password") or "",
        **without_none(own),
    }
    texts = {key: _option_text(value) for key, value in query.items()}
    return destination_config(name, {**credentials, "query": texts} if texts else credentials)


def _mysql_url(fields: Fields) -> str:
    # Airflow's own hook takes the files of TLS as one object
    tls = {f"ssl_{name}": value for name, value in fields.mapping("ssl").items()}
    query = {**tls, **driver_query(fields, MYSQL_OPTIONS)}
    return build_url(_scheme(fields, "mysql"), server_fields(fields), query)


def _mssql_query(fields: Fields) -> dict[str, Any]:
    # ODBC says yes and no
    query = driver_query(fields, MSSQL_OPTIONS)
    return {name: _yes_or_no(value) for name, value in query.items()}


def _yes_or_no(value: Any) -> str:
    text = _option_text(value)
    return {"true": "yes", "false": "no"}.get(text, text)


def _odbc_driver(fields: Fields) -> str:
    return str(fields.option("driver") or ODBC_DRIVER).strip("{}")


def _mssql_url(fields: Fields) -> str:
    query = {"driver": _odbc_driver(fields), **_mssql_query(fields)}
    return build_url(_scheme(fields, "mssql"), server_fields(fields), query)


def _mssql_destination(fields: Fields) -> DestinationConfig:
    fields.need("schema", "the name of the database")
    credentials = {**server_fields(fields), "driver": _odbc_driver(fields)}
    query = _mssql_query(fields)
    return destination_config("mssql", {**credentials, "query": query} if query else credentials)


def _oracle_url(fields: Fields) -> str:
    server = server_fields(fields)
    # where no other name is given, the schema is one, as Airflow's provider describes it
    service = fields.option("service_name") or server.pop("database", None)
    query = driver_query(fields, ())
    sid = fields.option("sid")
    if sid and not fields.option("service_name"):
        return build_url(_scheme(fields, "oracle"), {**server, "database": sid}, query)
    server.pop("database", None)
    if service is None:
        raise fields.error("has no 'service_name' in its extra; set it, or 'sid', or the schema")
    return build_url(_scheme(fields, "oracle"), server, {"service_name": service, **query})


def _sqlite_url(fields: Fields) -> str:
    path = fields.get("host") or fields.need("schema", "the path of the file, as the host")
    return build_url("sqlite", {"database": path})


def _trino_url(fields: Fields) -> str:
    if fields.option("auth") != "jwt":
        fields.refuse("auth", "log in by user and password, or by 'jwt__token'")
    server = server_fields(fields)
    schema = server.pop("database", None)
    # Airflow's own hook has the same default
    catalog = fields.option("catalog") or "hive"
    token = fields.option("jwt__token")
    query = {**({"access_token": token} if token else {}), **driver_query(fields, ())}
    database = f"{catalog}/{schema}" if schema else catalog
    scheme = str(fields.option("sqlalchemy_scheme") or "trino")
    return build_url(scheme, {**server, "database": database}, query)


def _generic_url(fields: Fields) -> str:
    meaning = "the dialect and driver of SQLAlchemy, such as db2+ibm_db"
    scheme = fields.need_extra("sqlalchemy_scheme", meaning)
    names = {"host": "host", "port": "port", "username": "login", "password": "password"}
    given = {name: fields.get(field) for name, field in names.items()}
    server = without_none({**given, "database": fields.get("schema")})
    return build_url(str(scheme), server, driver_query(fields, ()))


def _through_sqlalchemy(sql_url: Callable[[Fields], str], fields: Fields) -> DestinationConfig:
    return destination_config("sqlalchemy", sql_url(fields))


def _sqlalchemy_type(
    conn_type: str,
    source: str,
    sql_url: Callable[[Fields], str],
    extras: tuple[str, ...] = (),
    refused: Mapping[str, str] | None = None,
    fields: tuple[str, ...] = FIELD_NAMES,
) -> MappedType:
    return MappedType(
        conn_type,
        ("sqlalchemy",),
        source,
        fields,
        extras,
        refused=refused or {},
        destination=partial(_through_sqlalchemy, sql_url),
        sql_url=sql_url,
    )


SQL_TYPES = (
    *(
        MappedType(
            database,
            (database,),
            f"{DRIVERS[database]}://",
            FIELD_NAMES,
            (*POSTGRES_OPTIONS, *URL_EXTRAS),
            refused=REFUSED_IAM,
            destination=partial(_postgres_destination, name=database),
            sql_url=partial(_postgres_url, database=database),
        )
        for database in ("postgres", "redshift")
    ),
    _sqlalchemy_type(
        "mysql", "mysql+pymysql://", _mysql_url, (*MYSQL_OPTIONS, "ssl", *URL_EXTRAS), REFUSED_IAM
    ),
    MappedType(
        "mssql",
        ("mssql",),
        "mssql+pyodbc://",
        FIELD_NAMES,
        ("driver", *MSSQL_OPTIONS, *URL_EXTRAS),
        destination=_mssql_destination,
        sql_url=_mssql_url,
    ),
    _sqlalchemy_type("sqlite", "sqlite://", _sqlite_url, fields=("host", "schema")),
    _sqlalchemy_type(
        "oracle",
        "oracle+oracledb://",
        _oracle_url,
        ("service_name", "sid", *URL_EXTRAS),
        {
            "dsn": "set host, port and service_name in its place",
            "thick_mode": "dlt connects in thin mode",
        },
    ),
    MappedType(
        "trino",
        (),
        "trino://",
        FIELD_NAMES,
        ("catalog", "auth", "jwt__token", *URL_EXTRAS),
        refused={"jwt__file": "set the token itself, in 'jwt__token'"},
        sql_url=_trino_url,
    ),
    *(
        _sqlalchemy_type(conn_type, "what sqlalchemy_scheme says", _generic_url, URL_EXTRAS)
        for conn_type in ("generic", "sqlalchemy")
    ),
)
"""Types of connections to databases that SQLAlchemy reads."""
