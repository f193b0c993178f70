"""Destinations as text: a name of dlt's, or the address of a database or bucket."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from airflow_dlt_provider.core.errors import PlanError, closest
from airflow_dlt_provider.core.registry.hidden import HIDDEN

DESTINATION_NAMES = (
    "athena", "bigquery", "clickhouse", "databricks", "dremio", "duckdb", "ducklake", "dummy",
    "fabric", "filesystem", "lance", "lancedb", "motherduck", "mssql", "postgres", "qdrant",
    "redshift", "snowflake", "sqlalchemy", "synapse", "weaviate",
)  # fmt: skip
"""Those of dlt 1.31."""

_BY_SCHEME = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "redshift": "redshift",
    "snowflake": "snowflake",
    "duckdb": "duckdb",
    "motherduck": "motherduck",
    "md": "motherduck",
    "mssql": "mssql",
    "clickhouse": "clickhouse",
    "mysql": "sqlalchemy",
    "oracle": "sqlalchemy",
    "sqlite": "sqlalchemy",
    "trino": "sqlalchemy",
    "s3": "filesystem",
    "gs": "filesystem",
    "gcs": "filesystem",
    "az": "filesystem",
    "abfss": "filesystem",
    "file": "filesystem",
    "sftp": "filesystem",
}
SCHEMES = tuple(_BY_SCHEME)

CONNECTION = "conn_id:"
"""Begins the name of an Airflow connection."""

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*)://")
_PASSWORD = re.compile(r"(://[^/@\s]*?:)[^@/\s]+@")
_WRITTEN_PASSWORD = re.compile(r"://[^/:@]*:(?!\$\{)[^@]+@")
_LOCAL = re.compile(r"(?P<start>(?:duckdb|sqlite):///)(?P<path>[^/?][^?]*)(?P<query>\?.*)?")


def is_address(destination: object) -> bool:
    """Tell whether a destination is named by an address."""
    return isinstance(destination, str) and _ADDRESS.match(destination) is not None


def check_destination(text: str) -> str:
    """Return *text* if it can name a destination; one that is wholly a `${VAR}` may.

    Raises:
        ValueError: It cannot. An address is not shown, as it may hold a password.
    """
    if text.startswith(CONNECTION) and not text.removeprefix(CONNECTION).strip():
        raise ValueError(f"is {text!r}, without the id of a connection: {CONNECTION}my_warehouse")
    if is_address(text):
        destination_type(text)
        return text
    if text in DESTINATION_NAMES or "." in text or text.startswith(("${", CONNECTION)):
        return text
    raise ValueError(
        f"is {text!r:.60}, which is no destination of dlt's{closest(text, DESTINATION_NAMES)}; "
        f"expected: a name ({', '.join(DESTINATION_NAMES)}), an address such as "
        "postgresql://user:${PASSWORD}@host/database, or conn_id:<an Airflow connection>"
    )


def destination_type(address: str) -> str:
    """Return dlt's name of the destination at an address.

    Raises:
        PlanError: The scheme of the address is unknown.
    """
    match = _ADDRESS.match(address)
    scheme = match["scheme"] if match else ""
    # postgresql+psycopg2 is a scheme with a driver
    found = _BY_SCHEME.get(scheme.partition("+")[0].lower())
    if found is None:
        raise PlanError(
            f"is an address with the scheme {scheme!r}, which is unknown"
            f"{closest(scheme, SCHEMES)}; known: {', '.join(SCHEMES)}"
        )
    return found


def destination_arguments(address: str) -> dict[str, Any]:
    """Return the arguments of dlt's factory for the destination at an address."""
    if destination_type(address) == "filesystem":
        return {"bucket_url": address}
    return {"credentials": address}


def has_password(address: str) -> bool:
    """Tell whether a password is written into an address; a `${VAR}` in its place is none."""
    return _WRITTEN_PASSWORD.search(address) is not None


def without_password(address: str) -> str:
    """Return an address with `***` in place of its password."""
    return _PASSWORD.sub(rf"\1{HIDDEN}@", address)


def absolute_address(address: str, folder: Path) -> str:
    """Let the relative path of a local database start at *folder*."""
    match = _LOCAL.fullmatch(address)
    if match is None or match["path"].startswith((":", "$")):
        return address
    return f"{match['start']}{folder / match['path']}{match['query'] or ''}"
