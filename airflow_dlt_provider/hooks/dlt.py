"""The hook of connections of type `dlt`, and of any other that dlt can use."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from airflow_dlt_provider import settings
from airflow_dlt_provider.core.errors import ConnectionFieldError
from airflow_dlt_provider.core.registry.connection_secrets import secrets_of
from airflow_dlt_provider.core.registry.connections import (
    build_destination,
    destination_of,
    source_arguments,
)
from airflow_dlt_provider.core.spec import ConnectionValues

if TYPE_CHECKING:
    from airflow.sdk import Connection
    from dlt.common.destination import Destination


def read_connection(conn_id: str) -> ConnectionValues:
    """Look a connection up, and mask its secrets in all logs.

    It need not be of a type whose provider is installed.

    Raises:
        AirflowNotFoundException: Airflow knows no such connection.
        ConnectionFieldError: Its extra is no JSON object.
    """
    connection = BaseHook.get_connection(conn_id)
    values = ConnectionValues(
        conn_id=conn_id,
        conn_type=connection.conn_type or "",
        host=connection.host or None,
        port=connection.port,
        login=connection.login or None,
        password=connection.password or None,
        schema=connection.schema or None,
        extra=_extra(connection),
    )
    for secret in secrets_of(values):
        mask_secret(secret)
    return values


def _extra(connection: Connection) -> dict[str, Any]:
    # Airflow's own `extra_dejson` takes what it cannot read for empty
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise ConnectionFieldError(
            connection.conn_id, connection.conn_type or "", "has an extra that is no JSON object"
        ) from None
    return extra


class DltHook(BaseHook):
    """Gives a connection to dlt, as a destination or as the credentials of a source.

    Args:
        dlt_conn_id: A connection of type `dlt`, or of any type in `docs/connections.md`, such as
            `postgres`, `snowflake` or `aws`.
    """

    conn_name_attr = "dlt_conn_id"
    default_conn_name = "dlt_default"
    conn_type = "dlt"
    hook_name = "dlt"

    def __init__(self, dlt_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.dlt_conn_id = dlt_conn_id

    def connection_values(self) -> ConnectionValues:
        """Look the connection up: see `read_connection`."""
        return read_connection(self.dlt_conn_id)

    def get_conn(self) -> Destination[Any, Any]:
        """Return the dlt destination that the connection leads to, for `dlt.pipeline`.

        Raises:
            ConnectionUseError: The type of the connection is no destination of dlt's.
            ConnectionFieldError: A field is missing, wrong or out of dlt's reach.
            PlanError: dlt knows no destination of that name.
        """
        return build_destination(destination_of(self.connection_values()))

    def get_destination(self) -> Destination[Any, Any]:
        """Return the same as `get_conn`."""
        return self.get_conn()

    def get_source_arguments(
        self, parameter_names: Iterable[str] = ("credentials",)
    ) -> dict[str, Any]:
        """Return what a source's function gets of the connection, as keyword arguments.

        >>> sql_database(**DltHook("shop_db").get_source_arguments())

        Args:
            parameter_names: The parameters that the function has. With `bucket_url` among them
                it reads files: `("credentials", "bucket_url")`.

        Raises:
            ConnectionParameterError: The function has no parameter for the credentials.
            ConnectionUseError: The type of the connection is not what the function reads.
            ConnectionFieldError: A field is missing, wrong or out of dlt's reach.
        """
        return source_arguments(self.connection_values(), parameter_names)

    def get_source_credentials(self) -> Any:
        """Return the URL of a database, or the fields of a cloud's credentials.

        `None` leaves it to dlt to find credentials where the task runs.
        """
        return self.get_source_arguments().get("credentials")

    def test_connection(self) -> tuple[bool, str]:
        """Connect as a load would, and say whether it went well, without any secret.

        A database gets a `SELECT 1`, a bucket or folder is listed; nothing is written.
        """
        # this brings dlt, which the list of connections in the UI does not need
        from airflow_dlt_provider.core.registry.connection_check import check_connection

        try:
            values = self.connection_values()
        except Exception as error:
            return False, str(error)
        return check_connection(values, settings.data_dir())
