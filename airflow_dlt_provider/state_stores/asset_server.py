"""The asset state store outside a task, on a machine that reaches Airflow's metadata database."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

from airflow.configuration import conf

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import StateError, closest, listed
from airflow_dlt_provider.core.state.store import KEPT_LOADS
from airflow_dlt_provider.state_stores.asset import REQUEST, STATE, AssetStateStore

OUR_URIS = names.asset_uri("", "", "").rstrip("/")

EXTERNAL_VALUE = "__airflow_state_ref__"
"""Key of what Airflow keeps in place of a value that lies in `[workers] state_store_backend`."""


class MetadataAccessor:
    """The keys of one asset, in Airflow's metadata database.

    Args:
        asset_id: Id of the asset there.
    """

    def __init__(self, asset_id: int) -> None:
        from airflow.state import AssetScope, get_state_backend

        self._scope = AssetScope(asset_id=asset_id)
        self._backend = get_state_backend()

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of *key*."""
        text = self._backend.get(self._scope, key)
        return default if text is None else value_itself(json.loads(text))

    def set(self, key: str, value: Any) -> None:
        """Write the value of *key*. Airflow shows a person, and no task, as its writer."""
        from airflow._shared.state import AssetStateStoreWriterKind
        from airflow.state.metastore import MetastoreBackend

        text = json.dumps(value)
        if isinstance(self._backend, MetastoreBackend):
            self._backend.set_asset_state_store(
                self._scope, key, text, kind=AssetStateStoreWriterKind.API
            )
        else:
            self._backend.set(self._scope, key, text)

    def delete(self, key: str) -> None:
        """Remove *key*, if it is there."""
        self._backend.delete(self._scope, key)


def has_asset_state_store() -> bool:
    """Tell whether this Airflow has an asset state store."""
    # 3.3 is the first that has it
    return find_spec("airflow.models.asset_state_store") is not None


def open_server_asset_store(
    pipeline_name: str, dataset_name: str | None = None, kept_loads: int = KEPT_LOADS
) -> AssetStateStore:
    """Return the store of one pipeline, with all resources of which any key exists.

    Args:
        pipeline_name: The base name of the pipeline.
        dataset_name: The dataset, where the pipeline has several.
        kept_loads: How many loads of each resource are kept.

    Raises:
        StateError: Airflow knows no asset of the pipeline, or those of several datasets.
    """
    assets = _active_assets(f"{pipeline_name}/")
    dataset = _pick_dataset(pipeline_name, {name.split("/")[0] for name in assets}, dataset_name)
    tables = {
        name.removeprefix(f"{dataset}/"): asset_id
        for name, asset_id in assets.items()
        if name.startswith(f"{dataset}/")
    }
    pipeline_asset = assets.get(dataset)
    homes = _resource_homes(tables, pipeline_asset)
    return AssetStateStore(
        {name: MetadataAccessor(asset_id) for name, asset_id in homes.items()},
        None if pipeline_asset is None else MetadataAccessor(pipeline_asset),
        kept_loads,
    )


def list_asset_pipelines() -> list[str]:
    """Return the names of all pipelines of which Airflow has an asset, sorted."""
    return sorted({name.partition("/")[0] for name in _active_assets("")})


def _active_assets(prefix: str) -> dict[str, int]:
    """Return name without *prefix* -> id, of the assets of this provider."""
    from airflow.models.asset import AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    assets = select(AssetModel.name, AssetModel.id).where(
        AssetModel.name.startswith(prefix, autoescape=True),
        AssetModel.uri.startswith(OUR_URIS, autoescape=True),
        AssetModel.active.has(),
    )
    with create_session(scoped=False) as session:
        rows = session.execute(assets).all()
    # for some databases A and a are the same
    return {name.removeprefix(prefix): id_ for name, id_ in rows if name.startswith(prefix)}


def _pick_dataset(pipeline_name: str, datasets: set[str], asked: str | None) -> str:
    if not datasets:
        pipelines = list_asset_pipelines()
        raise StateError(
            f"Airflow has no asset of a pipeline {pipeline_name!r}; {listed(pipelines)}"
            f"{closest(pipeline_name, pipelines)}. Those of a Dag it knows once it has parsed that"
        )
    if asked is None and len(datasets) == 1:
        return next(iter(datasets))
    if asked not in datasets:
        problem = f"has no dataset {asked!r}" if asked else "has several datasets; name one"
        raise StateError(f"pipeline {pipeline_name!r} {problem}; {listed(sorted(datasets))}")
    return asked


def _resource_homes(tables: dict[str, int], pipeline_asset: int | None) -> dict[str, int]:
    """Return resource name -> the asset with its state; without one, that of a table so called."""
    from airflow.models.asset_state_store import AssetStateStoreModel as Value
    from airflow.utils.session import create_session
    from sqlalchemy import or_, select

    asset_ids = {*tables.values(), pipeline_asset} - {None}
    keys = (
        select(Value.key, Value.asset_id)
        .where(
            Value.asset_id.in_(asset_ids),
            or_(Value.key.endswith(STATE), Value.key.endswith(REQUEST)),
        )
        # of a resource that has moved to another table, the newest state counts
        .order_by(Value.updated_at)
    )
    with create_session(scoped=False) as session:
        rows = session.execute(keys).all()
    homes = dict(tables)
    for key, asset_id in rows:
        if key.endswith(STATE):
            homes[key.removesuffix(STATE)] = asset_id
    for key, asset_id in rows:
        if key.endswith(REQUEST):
            homes.setdefault(key.removesuffix(REQUEST), asset_id)
    return homes


def value_itself(value: Any) -> Any:
    """Return *value*, or for a reference what it refers to."""
    reference = value.get(EXTERNAL_VALUE) if isinstance(value, dict) else None
    if reference is None:
        return value
    backend = conf.getimport("workers", "state_store_backend", fallback=None)
    if backend is None:
        raise StateError(
            "the value lies outside Airflow's database; set [workers] state_store_backend on this "
            "machine as on the workers"
        )
    return backend().deserialize_asset_state_store_from_ref(reference)
