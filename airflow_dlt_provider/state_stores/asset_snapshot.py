"""Many keys of the asset state store, read from Airflow's metadata database in a few queries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dlt_provider.state_stores.asset_server import MetadataAccessor, value_itself

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_IN_LIST = 500
"""How many values a query names: databases set a limit to its variables."""

Item = TypeVar("Item")


class SnapshotAccessor(MetadataAccessor):
    """The keys of one asset as a snapshot has them; what is written goes to Airflow.

    Args:
        asset_id: Id of the asset.
        read: Returns the text of a key, or `None`.
    """

    def __init__(self, asset_id: int, read: Callable[[str], str | None]) -> None:
        super().__init__(asset_id)
        self._read = read

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value that *key* had."""
        text = self._read(key)
        return default if text is None else value_itself(json.loads(text))


class AssetSnapshot:
    """What the state store held of some assets when it was read.

    A key that `read` or `read_beginning_with` was not asked for counts as not there, unless the
    values lie outside Airflow's database: then every key is read by itself.

    Args:
        session: A session of Airflow's metadata database.
        asset_names: Names of the assets.
    """

    def __init__(self, session: Session, asset_names: Iterable[str]) -> None:
        self._session = session
        self._ids = _active_ids(session, asset_names)
        self._texts: dict[tuple[int, str], str] = {}

    def asset_id(self, asset_name: str) -> int | None:
        """Return the id of an asset; `None` if Airflow has no active one of this name."""
        return self._ids.get(asset_name)

    def read(self, keys: Iterable[tuple[str, str]]) -> None:
        """Read keys, each given with the name of its asset: a query for each 500 of them."""
        from airflow.models.asset_state_store import AssetStateStoreModel as Value

        wanted = [(self._ids[name], key) for name, key in keys if name in self._ids]
        for some in batches(dict.fromkeys(wanted)):
            self._add(
                Value.asset_id.in_({asset_id for asset_id, _ in some}),
                Value.key.in_({key for _, key in some}),
            )

    def read_beginning_with(self, asset_name: str, beginning: str) -> None:
        """Read all keys of one asset that begin alike."""
        from airflow.models.asset_state_store import AssetStateStoreModel as Value

        if asset_name in self._ids:
            self._add(
                Value.asset_id == self._ids[asset_name],
                Value.key.startswith(beginning, autoescape=True),
            )

    def accessor(self, asset_name: str) -> MetadataAccessor | None:
        """Return the keys of an asset; `None` if Airflow has no active one of this name."""
        asset_id = self._ids.get(asset_name)
        if asset_id is None:
            return None
        if not _is_in_database():
            return MetadataAccessor(asset_id)
        return SnapshotAccessor(asset_id, lambda key: self._texts.get((asset_id, key)))

    def _add(self, *conditions: Any) -> None:
        from airflow.models.asset_state_store import AssetStateStoreModel as Value
        from sqlalchemy import select

        if not _is_in_database():
            return
        rows = self._session.execute(
            select(Value.asset_id, Value.key, Value.value).where(*conditions)
        )
        self._texts |= {(asset_id, key): text for asset_id, key, text in rows}


def _active_ids(session: Session, asset_names: Iterable[str]) -> dict[str, int]:
    from airflow.models.asset import AssetModel
    from sqlalchemy import select

    ids: dict[str, int] = {}
    for some in batches(dict.fromkeys(asset_names)):
        rows = session.execute(
            select(AssetModel.name, AssetModel.id).where(
                AssetModel.name.in_(some), AssetModel.active.has()
            )
        )
        # for some databases A and a are the same
        ids |= {name: id_ for name, id_ in rows if name in some}
    return ids


def _is_in_database() -> bool:
    from airflow.state import get_state_backend
    from airflow.state.metastore import MetastoreBackend

    return isinstance(get_state_backend(), MetastoreBackend)


def batches(items: Iterable[Item], size: int = MAX_IN_LIST) -> Iterator[Sequence[Item]]:
    """Return *items* in batches of at most *size*."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
