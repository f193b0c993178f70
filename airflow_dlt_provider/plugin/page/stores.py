"""What state stores know of resources, read in a few queries however many they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import StateError, StateStoreError
from airflow_dlt_provider.core.state.records import ResourceState, StateRequest
from airflow_dlt_provider.core.state.store import StateStore
from airflow_dlt_provider.plugin.page.dags import TaskFacts
from airflow_dlt_provider.state_stores.asset import REQUEST, STATE, AssetStateStore
from airflow_dlt_provider.state_stores.asset_snapshot import AssetSnapshot
from airflow_dlt_provider.state_stores.choose import ASSET, open_sql_store, server_state_store

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

HIDDEN = (
    "its state store is named by a URL, which may hold a password; name it by an Airflow connection"
)


@dataclass(frozen=True, eq=False)
class Item:
    """A resource of a task."""

    task: TaskFacts
    resource: str
    table: str | None = None
    """Its root table; `None` for one that a task for a whole source found by itself."""
    write_disposition: str | None = None
    is_whole_source: bool = False
    """Whether it stands for the resources of a source that no load has told yet."""

    @property
    def home(self) -> str:
        """Name of the asset that holds its state, where the state store is Airflow's."""
        pipeline_asset = asset_of_pipeline(self.task)
        return f"{pipeline_asset}/{self.table}" if self.table else pipeline_asset


@dataclass(frozen=True)
class Known:
    """What the state store knows of a resource."""

    state: ResourceState | None = None
    request: StateRequest | None = None
    """One that no load has carried out yet."""
    problem: str | None = None
    """Why nothing is known."""


def asset_of_pipeline(task: TaskFacts) -> str:
    """Name the asset of a task's pipeline, which holds what its resources share."""
    return names.pipeline_asset_name(task.pipeline_name, task.dataset_name or "")


def read_known(session: Session, items: Iterable[Item]) -> dict[Item, Known]:
    """Return what the state stores of *items* know of each."""
    by_setting: dict[tuple[str | None, bool, bool], list[Item]] = {}
    for item in items:
        task = item.task
        # what the configuration says is looked up once for all tasks with the same setting
        setting = (task.state_store, task.has_hidden_state_store, task.dataset_name is None)
        by_setting.setdefault(setting, []).append(item)
    by_store: dict[str, list[Item]] = {}
    known: dict[Item, Known] = {}
    for some in by_setting.values():
        if problem := _problem_of(some[0].task):
            known |= dict.fromkeys(some, Known(problem=problem))
        else:
            by_store.setdefault(_asked_store(some[0].task), []).extend(some)
    for asked, some in by_store.items():
        is_asset = asked == ASSET
        known |= _read_assets(session, some) if is_asset else _read_database(asked, some)
    return known


@contextlib.contextmanager
def opened_store(session: Session, item: Item, siblings: Sequence[Item]) -> Iterator[StateStore]:
    """Open the state store of one resource, and close it at the end.

    Args:
        session: A session of Airflow's metadata database.
        item: The resource.
        siblings: All resources of its task; those that matter beside it.

    Raises:
        StateError: It cannot be known here where the state is.
        StateStoreError: The store cannot be reached.
    """
    asked = _asked_store(item.task)
    if asked != ASSET:
        with contextlib.closing(_open_database(asked)) as store:
            yield store
        return
    snapshot = _snapshot_of(session, siblings)
    snapshot.read_beginning_with(item.home, f"{item.resource}.")
    yield _asset_store(snapshot, siblings)


def _asked_store(task: TaskFacts) -> str:
    if task.has_hidden_state_store:
        raise StateError(HIDDEN)
    asked = server_state_store(task.state_store)
    if asked == ASSET and task.dataset_name is None:
        raise StateError("Airflow has no asset of its pipeline, in which its state would be kept")
    return asked


def _problem_of(task: TaskFacts) -> str | None:
    """Return why it cannot be known here where the state of a task is."""
    try:
        _asked_store(task)
    except StateError as error:
        return str(error)
    return None


def _read_assets(session: Session, items: Sequence[Item]) -> dict[Item, Known]:
    snapshot = _snapshot_of(session, items)
    known: dict[Item, Known] = {}
    by_pipeline: dict[str, list[Item]] = {}
    for item in items:
        by_pipeline.setdefault(asset_of_pipeline(item.task), []).append(item)
    for some in by_pipeline.values():
        store = _asset_store(snapshot, some)
        known |= {item: _read_item(store, item) for item in some}
    return known


def _snapshot_of(session: Session, items: Iterable[Item]) -> AssetSnapshot:
    keys = [
        key
        for item in items
        for key in (
            (item.home, item.resource + STATE),
            (asset_of_pipeline(item.task), item.resource + REQUEST),
        )
    ]
    snapshot = AssetSnapshot(session, (asset_name for asset_name, _ in keys))
    snapshot.read(keys)
    return snapshot


def _asset_store(snapshot: AssetSnapshot, items: Sequence[Item]) -> AssetStateStore:
    """Return the store of the one pipeline of *items*."""
    homes = {item.resource: snapshot.accessor(item.home) for item in items}
    return AssetStateStore(
        {name: accessor for name, accessor in homes.items() if accessor},
        snapshot.accessor(asset_of_pipeline(items[0].task)),
    )


def _read_item(store: StateStore, item: Item) -> Known:
    pipeline_name, name = item.task.pipeline_name, item.resource
    try:
        states = store.read_resources(pipeline_name, [name])
        requests = store.pending_requests(pipeline_name, states, [name])
    except StateStoreError as error:
        # one damaged value says nothing of the others
        return Known(problem=str(error))
    return Known(states.get(name), requests.get(name))


def _read_database(asked: str, items: Sequence[Item]) -> dict[Item, Known]:
    by_pipeline: dict[str, list[Item]] = {}
    for item in items:
        by_pipeline.setdefault(item.task.pipeline_name, []).append(item)
    known: dict[Item, Known] = {}
    try:
        with contextlib.closing(_open_database(asked)) as store:
            for pipeline_name, some in by_pipeline.items():
                known |= _read_pipeline(store, pipeline_name, some)
    except (StateError, StateStoreError) as error:
        return {item: Known(problem=str(error)) for item in items} | known
    return known


def _read_pipeline(
    store: StateStore, pipeline_name: str, items: Sequence[Item]
) -> Mapping[Item, Known]:
    resource_names = {item.resource for item in items}
    states = store.read_resources(pipeline_name, resource_names)
    requests = store.pending_requests(pipeline_name, states, resource_names)
    return {item: Known(states.get(item.resource), requests.get(item.resource)) for item in items}


def _open_database(asked: str) -> StateStore:
    from airflow_dlt_provider.core.state.sql_schema import missing_sqlite_file

    if path := missing_sqlite_file(asked):
        raise StateError(
            f"its state store {path} is not on the machine of Airflow's API server; a first load "
            "makes the file, and a database that all machines reach is seen here too"
        )
    return open_sql_store(asked)
