"""Where the tables of a destination are, in names that are the same for every tool.

Namespaces and names are those of OpenLineage's naming of datasets
(https://openlineage.io/docs/spec/naming). What that leaves out is named as OpenLineage's own
integration with dbt does: DuckDB, ClickHouse, Databricks, Dremio, Fabric. Anything else is
`<destination type>://<host>`. Nothing here connects, and no user or password gets into a name.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from dlt.common.destination.client import JobClientBase
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient

SCHEMES = {
    "postgresql": "postgres",
    "athena": "awsathena",
    "synapse": "sqlserver",
    "fabric": "fabric-warehouse",
}
"""What OpenLineage calls a type of destination, where dlt or SQLAlchemy calls it otherwise."""

WITH_DATABASE = frozenset({"postgres", "redshift", "snowflake", "mssql", "fabric-warehouse"})
"""What names a table by database, schema and table, while dlt leaves the database out."""

BUCKET_SCHEMES = {"gcs": "gs", "s3a": "s3"}
AZURE_PROTOCOLS = frozenset({"az", "abfs", "abfss", "azure", "adl"})


def namespace_of(client: JobClientBase) -> str:
    """Return the namespace of all tables that *client* writes."""
    if isinstance(client, FilesystemClient):
        return _bucket(client)
    scheme, credentials = _scheme(client), _credentials(client)
    if scheme in ("duckdb", "sqlite"):
        return f"{scheme}://{getattr(credentials, 'database', '')}"
    authority = _authority(scheme, credentials)
    # BigQuery has no host: the whole world is one namespace
    return f"{scheme}://{authority}" if authority else scheme


def name_of(client: JobClientBase, table_name: str) -> str:
    """Return the name of a table in the namespace of *client*.

    Args:
        client: dlt's client of the dataset.
        table_name: As dlt's schema has it.
    """
    if isinstance(client, FilesystemClient):
        return _folder(client, table_name)
    sql_client = getattr(client, "sql_client", None)
    if sql_client is None:
        dataset = getattr(client, "dataset_name", None)
        return f"{dataset}.{table_name}" if isinstance(dataset, str) else table_name
    path = sql_client.make_qualified_table_name_path(table_name, quote=False)
    scheme, database = _scheme(client), getattr(_credentials(client), "database", None)
    if scheme in WITH_DATABASE and database and not sql_client.catalog_name(quote=False):
        # a database is named in the connection, where only Snowflake folds its case
        path = [database.upper() if scheme == "snowflake" else database, *path]
    return ".".join(path)


def snowflake_account(host: str) -> str:
    """Return the account that OpenLineage's naming wants.

    `organization-account` is complete; a locator is followed by its region and its cloud, with
    Snowflake's defaults (as in `openlineage.common.provider.snowflake`, 1.54).
    """
    account = host.removeprefix("https://").removesuffix(".snowflakecomputing.com")
    parts = account.split(".")
    if "-" in parts[0]:
        return parts[0]
    return ".".join([*parts, *["us-west-1", "aws"][len(parts) - 1 :]])


def redshift_cluster(host: str) -> str:
    """Return `cluster.region`, if *host* is an address of AWS's, else *host*."""
    parts = host.split(".")
    is_aws = host.endswith(".redshift.amazonaws.com") and len(parts) == 6
    return f"{parts[0]}.{parts[2]}" if is_aws else host


def bucket_namespace(url: str, azure_account: str | None = None) -> str:
    """Return the namespace of the bucket in *url*.

    Args:
        url: As dlt's filesystem destination has it; a user or password in it is left out.
        azure_account: Where the container is, unless *url* says so itself.
    """
    parts = urlsplit(url)
    user, _, bucket = parts.netloc.rpartition("@")
    if parts.scheme in AZURE_PROTOCOLS:
        host = bucket if user else f"{azure_account}.dfs.core.windows.net"
        return f"abfss://{user or bucket}@{host}"
    return f"{BUCKET_SCHEMES.get(parts.scheme, parts.scheme)}://{bucket}"


def _authority(scheme: str, credentials: Any) -> str | None:
    host = getattr(credentials, "server_hostname", None) or getattr(credentials, "host", None)
    if scheme == "awsathena":
        return f"athena.{getattr(credentials, 'region_name', None)}.amazonaws.com"
    if scheme == "snowflake" and host:
        return snowflake_account(str(host))
    if scheme == "redshift" and host:
        host = redshift_cluster(str(host))
    port = getattr(credentials, "port", None)
    return f"{host}:{port}" if host and port else host


def _scheme(client: JobClientBase) -> str:
    name = str(client.config.destination_type)
    if name == "sqlalchemy":
        name = str(getattr(_credentials(client), "drivername", name)).partition("+")[0]
    return SCHEMES.get(name, name)


def _credentials(client: JobClientBase) -> Any:
    return getattr(client.config, "credentials", None)


def _bucket(client: FilesystemClient) -> str:
    if client.is_local_filesystem:
        return "file"
    account = getattr(_credentials(client), "azure_storage_account_name", None)
    return bucket_namespace(client.make_remote_url(client.dataset_path), account)


def _folder(client: FilesystemClient, table_name: str) -> str:
    folder = client.get_table_prefix(table_name)
    if client.is_local_filesystem:
        return folder.rstrip("/\\")
    return urlsplit(client.make_remote_url(folder)).path.strip("/")
