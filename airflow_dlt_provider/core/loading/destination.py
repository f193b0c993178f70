"""The dlt destination that a task loads into.

DuckDB calls a database by the name of its file, and cannot tell `shop.orders` in `shop.duckdb`
from a table of the catalog `shop` ("Ambiguous reference to catalog or schema"). A pipeline, its
file and its dataset have one name by default, so our DuckDB destination writes the catalog in
front of every table. Nothing else about it differs, and it says that it is dlt's own.
"""

from __future__ import annotations

from copy import copy
from pathlib import PurePath
from typing import Any, cast

import dlt
from dlt.common.destination import Destination, DestinationCapabilitiesContext
from dlt.common.destination.client import DestinationClientConfiguration
from dlt.common.schema import Schema
from dlt.destinations import duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

from airflow_dlt_provider.core.registry.addresses import (
    destination_arguments,
    destination_type,
    is_address,
)
from airflow_dlt_provider.core.registry.connection_fields import DestinationConfig
from airflow_dlt_provider.core.registry.connections import build_destination

RESERVED_CATALOGS = ("main", "system", "temp")


def resolve_destination(destination: Any = None) -> Destination[Any, Any]:
    """Return the destination that the user named, else the one that dlt is configured for.

    Args:
        destination: A dlt destination name or factory, an address, or the config that an Airflow
            connection was mapped to; `None` takes `destination_type` or `destination_name` of
            dlt's configuration, and DuckDB where these are not set.
    """
    if destination is None:
        name = dlt.config.get("destination_name", str)
        reference = dlt.config.get("destination_type", str) or name or "duckdb"
        resolved = Destination.from_reference(reference, destination_name=name)
    elif isinstance(destination, DestinationConfig):
        resolved = build_destination(destination)
    elif is_address(destination):
        resolved = Destination.from_reference(
            destination_type(destination), **destination_arguments(destination)
        )
    else:
        resolved = Destination.from_reference(destination)
    # only a reference that is None gives no destination
    known = cast("Destination[Any, Any]", resolved)
    if type(known) is duckdb:
        known = DuckDbFile(**known.config_params, **known.caps_params)
    return with_known_capabilities(known)


def with_known_capabilities(destination: Destination[Any, Any]) -> Destination[Any, Any]:
    """Return a copy of *destination* that looks its configuration up once for its capabilities.

    dlt asks for the capabilities some twenty times in a small load, and looks the whole
    configuration of the destination up for each answer: 0.9 of 2.2 seconds in a profile (1.31.0).
    """
    kind = type(destination)
    if issubclass(kind, _KnownCapabilities):
        return destination
    place = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    known = copy(destination)
    # dlt tells the type of a destination by the module and the name of its class
    known.__class__ = type(kind.__name__, (_KnownCapabilities, kind), place)
    known.config_params = dict(destination.config_params)
    known.caps_params = dict(destination.caps_params)
    return known


class _KnownCapabilities(Destination[Any, Any]):
    """A destination whose settings do not change while a task loads."""

    _known_config: DestinationClientConfiguration | None = None

    def configuration(self, initial_config: Any, accept_partial: bool = False) -> Any:
        """Return the resolved config; asked for a partial one, that of the first time."""
        if not accept_partial:
            return super().configuration(initial_config)
        if self._known_config is None:
            self._known_config = super().configuration(initial_config, accept_partial=True)
        return self._known_config.copy()


class DuckDbFile(duckdb):
    """dlt's DuckDB destination, with the catalog in front of every table."""

    @property
    def destination_type(self) -> str:
        """Name dlt's own type, so that plain dlt finds what it knows in the stored state."""
        return "dlt.destinations.duckdb"

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client that writes full names."""
        return _FullNamesClient


class _FullNamesClient(DuckDbClient):
    def __init__(
        self,
        schema: Schema,
        config: DuckDbClientConfiguration,
        capabilities: DestinationCapabilitiesContext,
    ) -> None:
        super().__init__(schema, config, capabilities)
        self.sql_client = _FullNamesSqlClient(
            self.sql_client.dataset_name,
            self.sql_client.staging_dataset_name,
            config.credentials,
            capabilities,
        )


class _FullNamesSqlClient(DuckDbSqlClient):
    def catalog_name(self, quote: bool = True, casefold: bool = True) -> str | None:
        database = self.credentials.database
        if not database or database.startswith(":"):
            return None
        # as DuckDB derives it (2.0.0): up to the first dot, and never a name of its own catalogs
        name = PurePath(database).name.partition(".")[0]
        name = f"{name}_db" if name in RESERVED_CATALOGS else name
        return str(self.capabilities.escape_identifier(name)) if quote else name

    def warn_if_catalog_equals_dataset_name(self) -> None:
        """Say nothing: full names are never ambiguous."""
