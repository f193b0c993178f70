"""What state stores know of resources, read in a few queries however many they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import StateError, StateStoreError
from airflow_dlt_provider.core.state.records import ResourceState, StateRequest
from airflow_dlt_provider.core.state.store import StateStore
from airflow_dlt_provider.plugin.page.dags import TaskFacts
from airflow_dlt_provider.state_stores.asset import REQUEST, STATE, AssetStateStore
from airflow_dlt_provider.state_stores.asset_snapshot import AssetSnapshot, batches
from airflow_dlt_provider.state_stores.choose import ASSET, open_sql_store, server_state_store

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

READ_AT_ONCE = 100
"""How many states of a database are held at a time."""

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


@dataclass(frozen=True)
class Standing:
    """So much of what is known of a resource as its status needs."""

    is_unknown: bool
    is_cut_off: bool
    is_waiting: bool
    was_loaded: bool

    @classmethod
    def of(cls, known: Known) -> Standing:
        """Return how a resource stands of which this is known."""
        state = known.state
        return cls(
            known.problem is not None,
            bool(state and state.unfinished),
            known.request is not None,
            bool(state and (state.load_ids or state.recent)),
        )


def asset_of_pipeline(task: TaskFacts) -> str:
    """Name the asset of a task's pipeline, which holds what its resources share."""
    return names.pipeline_asset_name(task.pipeline_name, task.dataset_name or "")


def read_known(session: Session, items: Iterable[Item]) -> dict[Item, Known]:
    """Return what the state stores of *items* know of each."""
    return dict(_read(session, items))


def read_standings(session: Session, items: Iterable[Item]) -> dict[Item, Standing]:
    """Return so much of what the state stores of *items* know as their statuses need.

    No state outlives its turn: of 1,000 that are held at once, Python's collector makes half a
    second in a process of Airflow's size.
    """
    return {item: Standing.of(known) for item, known in _read(session, items)}


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


def _read(session: Session, items: Iterable[Item]) -> Iterator[tuple[Item, Known]]:
    by_setting: dict[tuple[str | None, bool, bool], list[Item]] = {}
    for item in items:
        task = item.task
        # what the configuration says is looked up once for all tasks with the same setting
        setting = (task.state_store, task.has_hidden_state_store, task.dataset_name is None)
        by_setting.setdefault(setting, []).append(item)
    by_store: dict[str, list[Item]] = {}
    for some in by_setting.values():
        if problem := _problem_of(some[0].task):
            yield from ((item, Known(problem=problem)) for item in some)
        else:
            by_store.setdefault(_asked_store(some[0].task), []).extend(some)
    for asked, some in by_store.items():
        yield from _read_assets(session, some) if asked == ASSET else _read_database(asked, some)


def _read_assets(session: Session, items: Sequence[Item]) -> Iterator[tuple[Item, Known]]:
    snapshot = _snapshot_of(session, items)
    for item in items:
        yield item, _read_item(_asset_store(snapshot, [item]), item)


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


def _read_database(asked: str, items: Sequence[Item]) -> Iterator[tuple[Item, Known]]:
    by_pipeline: dict[str, list[Item]] = {}
    for item in items:
        by_pipeline.setdefault(item.task.pipeline_name, []).append(item)
    rest = dict.fromkeys(items)
    try:
        with contextlib.closing(_open_database(asked)) as store:
            for pipeline_name, of_pipeline in by_pipeline.items():
                for some in batches(of_pipeline, READ_AT_ONCE):
                    for item, known in _read_batch(store, pipeline_name, some):
                        del rest[item]
                        yield item, known
    except (StateError, StateStoreError) as error:
        yield from ((item, Known(problem=str(error))) for item in rest)


def _read_batch(
    store: StateStore, pipeline_name: str, items: Sequence[Item]
) -> Iterator[tuple[Item, Known]]:
    resource_names = {item.resource for item in items}
    states = store.read_resources(pipeline_name, resource_names)
    requests = store.pending_requests(pipeline_name, states, resource_names)
    for item in items:
        yield item, Known(states.get(item.resource), requests.get(item.resource))


def _open_database(asked: str) -> StateStore:
    from airflow_dlt_provider.core.state.sql_schema import missing_sqlite_file

    if path := missing_sqlite_file(asked):
        raise StateError(
            f"its state store {path} is not on the machine of Airflow's API server; a first load "
            "makes the file, and a database that all machines reach is seen here too"
        )
    return open_sql_store(asked)
