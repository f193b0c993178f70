"""An Airflow connection, as what dlt takes: a destination, or arguments of a source.

What is mapped is a table, in `docs/connections.md` for people, and here for the program.
Nothing here connects, and dlt is imported only where a destination is built. What a connection
holds shows in no message and no repr.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow_dlt_provider.core.errors import (
    ConnectionParameterError,
    ConnectionUseError,
    PlanError,
    closest,
    listed,
)
from airflow_dlt_provider.core.registry.cloud_connections import CLOUD_TYPES
from airflow_dlt_provider.core.registry.connection_fields import (
    DestinationConfig,
    Fields,
    FileAccess,
    MappedType,
)
from airflow_dlt_provider.core.registry.dlt_connection import (
    CONN_TYPE,
    DLT_TYPE,
    as_sql_values,
    names_tables,
    url_of_dlt,
)
from airflow_dlt_provider.core.registry.hidden import HiddenText
from airflow_dlt_provider.core.registry.sql_connections import SQL_TYPES
from airflow_dlt_provider.core.registry.warehouse_connections import WAREHOUSE_TYPES
from airflow_dlt_provider.core.spec import ConnectionValues

if TYPE_CHECKING:
    from dlt.common.destination import Destination

MAPPED_TYPES: Mapping[str, MappedType] = {
    mapped.conn_type: mapped for mapped in (*SQL_TYPES, *WAREHOUSE_TYPES, *CLOUD_TYPES, DLT_TYPE)
}
"""Every type of connection that dlt can use."""

TABLE_PARAMETERS = frozenset(("table", "table_names"))
"""What tells a function that reads tables: dlt's `sql_table` and `sql_database` have them."""

Result = TypeVar("Result")


def destination_of(values: ConnectionValues) -> DestinationConfig:
    """Map a connection to a dlt destination.

    Raises:
        ConnectionUseError: The type of the connection is no destination of dlt's.
        ConnectionFieldError: A field is missing, wrong or out of dlt's reach.
    """
    return _read(values, "a destination", lambda mapped: mapped.destination)


def build_destination(config: DestinationConfig) -> Destination[Any, Any]:
    """Build the destination factory of dlt's.

    Raises:
        PlanError: dlt knows no destination of that name.
    """
    import dlt
    from dlt.common.destination import Destination
    from dlt.common.destination.exceptions import UnknownDestinationModule

    # `destination` is the decorator of one's own
    known = sorted({*dlt.destinations.__all__} - {"destination"})
    # by a short name, dlt first looks for a setting, in Airflow's Variables too
    reference = f"dlt.destinations.{config.name}" if config.name in known else config.name
    try:
        destination = Destination.from_reference(reference, **config.config)
    except UnknownDestinationModule:
        raise PlanError(
            f"dlt knows no destination {config.name!r}; {listed(known)}"
            f"{closest(config.name, known)}"
        ) from None
    # only a reference that is None gives no destination
    return cast("Destination[Any, Any]", destination)


def source_arguments(values: ConnectionValues, parameter_names: Iterable[str]) -> dict[str, Any]:
    """Return the arguments that the function of a source gets from a connection.

    A function with a parameter `bucket_url` (`filesystem`, `readers`) gets `credentials` and,
    where the connection has one, `bucket_url`. Any other gets `credentials`: the URL of a
    database; or, if the connection leads to a cloud and the function does not read tables, the
    fields of the cloud's credentials.

    Args:
        values: The connection.
        parameter_names: The parameters of the source's function.

    Raises:
        ConnectionParameterError: The function has no parameter for the credentials.
        ConnectionUseError: The type of the connection is not what the function reads.
        ConnectionFieldError: A field is missing, wrong or out of dlt's reach.
    """
    names = tuple(parameter_names)
    reads_files = "bucket_url" in names
    if not reads_files and "credentials" not in names:
        raise ConnectionParameterError(values.conn_id, "credentials", names)
    if not reads_files and (TABLE_PARAMETERS.intersection(names) or _has_tables(values)):
        return {"credentials": sql_url(values)}
    access = file_access(values)
    given: dict[str, Any] = {"credentials": access.credentials}
    if reads_files:
        given["bucket_url"] = access.bucket_url
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in names:
            raise ConnectionParameterError(values.conn_id, name, names)
    return given


def sql_url(values: ConnectionValues) -> str:
    """Return the URL by which SQLAlchemy reads the tables behind a connection.

    Raises:
        ConnectionUseError: No tables are behind it.
        ConnectionFieldError: A field is missing, wrong or out of dlt's reach.
    """
    if values.conn_type == CONN_TYPE:
        fields = Fields(values, DLT_TYPE)
        url = url_of_dlt(fields)
        if url is not None:
            return HiddenText(url)
        values = as_sql_values(values, fields) or values
    return HiddenText(_read(values, "a source of tables", lambda mapped: mapped.sql_url))


def file_access(values: ConnectionValues) -> FileAccess:
    """Return how the files behind a connection are read.

    Raises:
        ConnectionUseError: No files are behind it.
        ConnectionFieldError: A field is missing, wrong or out of dlt's reach.
    """
    return _read(values, "a source of files", lambda mapped: mapped.files)


def _has_tables(values: ConnectionValues) -> bool:
    if values.conn_type == CONN_TYPE:
        return names_tables(Fields(values, DLT_TYPE))
    mapped = MAPPED_TYPES.get(values.conn_type)
    # what leads to both, as Google does, gives its own credentials to a function of the user's
    return mapped is None or mapped.files is None


def _read(
    values: ConnectionValues,
    use: str,
    way: Callable[[MappedType], Callable[[Fields], Result] | None],
) -> Result:
    mapped = MAPPED_TYPES.get(values.conn_type)
    read = way(mapped) if mapped else None
    if mapped is None or read is None:
        usable = [name for name, other in MAPPED_TYPES.items() if way(other)]
        raise ConnectionUseError(values.conn_id, values.conn_type, use, usable)
    return read(Fields(values, mapped))
