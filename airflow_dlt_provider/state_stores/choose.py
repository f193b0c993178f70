"""Which state store a task uses: that of its Dag, of the configuration, or the best there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseHook
from airflow.sdk.exceptions import AirflowException
from airflow.sdk.log import mask_secret

from airflow_dlt_provider import settings
from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.state_stores.asset import Accessor, AssetStateStore

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_dlt_provider.core.state.store import StateStore

ASSET = "asset"
ACCEPTED = (
    'a state store is "asset" (Airflow >= 3.3), the SQLAlchemy URL of a database, such as '
    "sqlite:////data/dlt_state.db, or the id of an Airflow connection to a database"
)
BACKENDS = {"postgres": "postgresql"}
"""Type of an Airflow connection -> SQLAlchemy's name, where that is another."""


def open_state_store(
    option: str | None,
    context: Mapping[str, Any],
    resource_assets: Mapping[str, Asset],
    pipeline_asset: Asset | None,
) -> StateStore:
    """Open the state store of a task.

    Args:
        option: What the Dag asks for: `"asset"`, a SQLAlchemy URL or the id of an Airflow
            connection; `None` for what `[dlt] state_store` in Airflow's configuration says, and
            where that says nothing, `"asset"` on Airflow >= 3.3, else a SQLite file in
            `AIRFLOW_HOME`.
        context: Airflow's context of the task.
        resource_assets: Resource name -> the asset of its root table, for `"asset"`. All are
            inlets or outlets of the task.
        pipeline_asset: The asset of the pipeline and its dataset, for `"asset"`; likewise.

    Raises:
        StateError: What is asked for is no state store, or is none here.
        StateStoreError: The store cannot be reached.
    """
    asked = option or settings.state_store()
    if asked is None:
        has_assets = bool(resource_assets) or pipeline_asset is not None
        asked = ASSET if has_assets and _has_accessors(context) else settings.state_store_url()
    if asked == ASSET:
        return _open_asset_store(context, resource_assets, pipeline_asset)
    return open_sql_store(asked)


def open_server_state_store(
    option: str | None, pipeline_name: str, dataset_name: str | None = None
) -> StateStore:
    """Open the state store of a pipeline outside a task, where Airflow's database is reached.

    Args:
        option: As for `open_state_store`.
        pipeline_name: The base name of the pipeline.
        dataset_name: For `"asset"`, which dataset, where the pipeline has several.

    Raises:
        StateError: As `open_state_store`; and for `"asset"`, Airflow knows no such pipeline.
        StateStoreError: The store cannot be reached.
    """
    from airflow_dlt_provider.state_stores import asset_server

    asked = server_state_store(option)
    if asked != ASSET:
        return open_sql_store(asked)
    return asset_server.open_server_asset_store(pipeline_name, dataset_name, settings.kept_loads())


def server_state_store(option: str | None) -> str:
    """Return which state store is meant outside a task: `"asset"`, a URL or a connection's id.

    Args:
        option: As for `open_state_store`.

    Raises:
        StateError: It is `"asset"`, which this Airflow does not have.
    """
    from airflow_dlt_provider.state_stores.asset_server import has_asset_state_store

    asked = option or settings.state_store()
    if asked is None:
        return ASSET if has_asset_state_store() else settings.state_store_url()
    if asked == ASSET and not has_asset_state_store():
        raise StateError(_too_old())
    return asked


def open_sql_store(asked: str) -> StateStore:
    """Open the store in the database that a SQLAlchemy URL or the id of a connection names.

    Raises:
        StateError: It is neither.
        StateStoreError: The database cannot be reached.
    """
    # SQLAlchemy is not needed by a task that keeps its state elsewhere
    from airflow_dlt_provider.core.state.sql import SqlStateStore

    if asked == "memory":
        raise StateError(f"'memory' forgets all that it keeps when the task ends; {ACCEPTED}")
    url = asked if "://" in asked else _connection_url(asked)
    return SqlStateStore(_mask_password(url), settings.kept_loads())


def _has_accessors(context: Mapping[str, Any]) -> bool:
    return "asset_state_store" in context


def _open_asset_store(
    context: Mapping[str, Any],
    resource_assets: Mapping[str, Asset],
    pipeline_asset: Asset | None,
) -> AssetStateStore:
    if not _has_accessors(context):
        raise StateError(_too_old())

    def accessor(asset: Asset) -> Accessor:
        try:
            found: Accessor = context["asset_state_store"][asset]
        except KeyError:
            problem = (
                f"asset {asset.name!r} is no inlet or outlet of the task; add it to its inlets"
            )
            raise StateError(f"the state store 'asset' cannot be used: {problem}") from None
        return found

    return AssetStateStore(
        {name: accessor(asset) for name, asset in resource_assets.items()},
        None if pipeline_asset is None else accessor(pipeline_asset),
        settings.kept_loads(),
    )


def _too_old() -> str:
    from airflow import __version__

    return (
        f"the state store 'asset' needs Airflow >= 3.3, and a task with an asset among its inlets "
        f"or outlets; this is Airflow {__version__}. {ACCEPTED}"
    )


def _connection_url(connection_id: str) -> str:
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import NoSuchModuleError

    if "@" in connection_id:
        # a URL with a slip of the pen, which may hold a password
        raise StateError(f"the state store holds an @ and no ://, so it is no URL; {ACCEPTED}")
    try:
        connection = BaseHook.get_connection(connection_id)
    except (AirflowException, ValueError) as error:
        raise StateError(
            f"{connection_id!r} is neither a URL nor the id of an Airflow connection; {ACCEPTED}"
        ) from error
    kind = (connection.conn_type or "").lower()
    backend = BACKENDS.get(kind, kind)
    is_file = backend == "sqlite"
    try:
        url = URL.create(
            backend,
            username=connection.login or None,
            password=connection.password or None,
            host=None if is_file else connection.host,
            port=connection.port,
            # Airflow keeps the path of a SQLite file as the host
            database=(connection.host or connection.schema) if is_file else connection.schema,
            query=_driver_options(connection),
        )
        url.get_dialect()
    except (NoSuchModuleError, ValueError) as error:
        raise StateError(
            f"connection {connection_id!r} is of type {kind!r}, which is no database that "
            f"SQLAlchemy knows; {ACCEPTED}"
        ) from error
    return url.render_as_string(hide_password=False)


def _driver_options(connection: Connection) -> dict[str, str]:
    """Return the extras that PostgreSQL's drivers take; others are meant for Airflow's hook."""
    if connection.conn_type not in BACKENDS:
        return {}
    return {
        name: str(value)
        for name, value in connection.extra_dejson.items()
        if name.startswith(("ssl", "keepalives")) or name in ("connect_timeout", "options")
    }


def _mask_password(url: str) -> str:
    """Have Airflow hide the password of *url* in logs."""
    authority = url.partition("://")[2].rpartition("@")[0]
    if password := authority.partition(":")[2]:
        mask_secret(password)
    return url
