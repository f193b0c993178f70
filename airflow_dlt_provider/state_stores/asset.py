"""A state store in the asset state store of Airflow 3.3 and later: no set-up, and seen in the UI.

Airflow's store lists no keys and compares nothing before it writes, so every key has one writer:

| key | of the asset of | value | writer |
|---|---|---|---|
| `<resource>.state` | its root table | its `ResourceState`, and what is in which slot | task |
| `<resource>.load.<n>` | its root table | a `LoadRecord`; the slots are used in turns | task |
| `<resource>.request` | the pipeline | the last `StateRequest` for it | persons |
| `<source>.source` | the pipeline | its `SourceState` | the run's last task |

The end of a key says what it is, so that no name of a resource or source reads as another key.
Airflow deletes all keys of an asset that no Dag names any more, which for a broken Dag may be
within a minute. A key that is gone is as if it had never been written.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from airflow_dlt_provider.core.errors import StateStoreError
from airflow_dlt_provider.core.state.records import (
    LoadRecord,
    ResourceState,
    SourceState,
    StateRequest,
)
from airflow_dlt_provider.core.state.store import KEPT_LOADS, StateStore

STATE, REQUEST, SOURCE = ".state", ".request", ".source"
LOAD = ".load."

Item = TypeVar("Item")
OfPipeline = TypeVar("OfPipeline", ResourceState, StateRequest)
Values = Mapping[str, Any]


class Accessor(Protocol):
    """The keys of one asset, as `context["asset_state_store"][asset]` has them."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of *key*."""

    def set(self, key: str, value: Any) -> None:
        """Write the value of *key*, which is JSON and not `None`."""

    def delete(self, key: str) -> None:
        """Remove *key*, if it is there."""


@dataclass
class ResourceEntry:
    """The value of a `<resource>.state` key."""

    state: dict[str, Any] | None = None
    slots: dict[str, int] = field(default_factory=dict)
    """Id of a record -> its slot, the newest last; one slot more than loads are kept."""
    reserved: str | None = None
    """The newest record, if it has a slot that it may never be written to."""

    def to_value(self) -> dict[str, Any]:
        """Return plain JSON values, in which order is kept by a list."""
        slots = [list(item) for item in self.slots.items()]
        return {"state": self.state, "slots": slots, "reserved": self.reserved}

    @classmethod
    def from_value(cls, value: Values) -> ResourceEntry:
        """Return the entry that `to_value` turned into *value*."""
        slots = {str(record_id): int(slot) for record_id, slot in value["slots"]}
        return cls(value["state"], slots, value["reserved"])

    def add(self, record_id: str) -> None:
        """Give a record a slot that no other has."""
        taken = set(self.slots.values())
        self.slots[record_id] = next(slot for slot in itertools.count() if slot not in taken)

    def trim(self, kept_loads: int) -> list[int]:
        """Leave only the newest, and return the slots of the others."""
        return [self.slots.pop(record_id) for record_id in list(self.slots)[:-kept_loads]]


class AssetStateStore(StateStore):
    """Keeps records in Airflow's asset state store.

    The usual sequence of a load costs five calls for each resource, of 10 to 25 ms each:
    `read_resources` (1), `read_requests` (1), `write_resources` with an unfinished load (1, which
    also gives that load its slot), `record_loads` with the finished one (1) and `write_resources`
    (1). A load that was not announced as unfinished costs one call more, and so does a resource
    that is written without having been read. `list_loads` costs one call, and one for each load.

    Args:
        accessors: Resource name -> the keys of the asset of its root table.
        default_accessor: The keys of the pipeline's own asset: for requests, for the state of
            sources, and for resources that are not among *accessors*.
        kept_loads: How many loads of each resource are kept.
        name: Name of the store for messages.

    An instance is used by one task, so it remembers what it last read or wrote of a resource.
    """

    def __init__(
        self,
        accessors: Mapping[str, Accessor],
        default_accessor: Accessor | None = None,
        kept_loads: int = KEPT_LOADS,
        name: str = "asset",
    ) -> None:
        self._accessors = dict(accessors)
        self._default = default_accessor
        self._kept_loads = kept_loads
        self._name = name
        self._entries: dict[str, ResourceEntry] = {}

    @property
    def name(self) -> str:
        """Name of the store for messages."""
        return self._name

    def read_resources(
        self, pipeline_name: str, resource_names: Iterable[str]
    ) -> dict[str, ResourceState]:
        """Return resource name -> its state, for those that have one."""
        states = {}
        for name in resource_names:
            document = self._read_entry(name).state
            if document is not None:
                states[name] = self._decode(name + STATE, document, ResourceState.from_dict)
        return _of_pipeline(states, pipeline_name)

    def write_resources(self, states: Sequence[ResourceState]) -> None:
        """Keep the state of resources in place of the former."""
        for state in states:
            name, begun = state.resource_name, state.unfinished
            entry = self._entry(name)
            entry.state = state.to_dict()
            unused = []
            if begun is not None and begun.record_id not in entry.slots:
                unused = self._reserve(name, entry, begun.record_id)
            self._write_entry(name, entry)
            self._delete_slots(name, unused)

    def record_loads(self, records: Sequence[LoadRecord]) -> None:
        """Keep records; one with the `record_id` of a kept record replaces it."""
        unused: dict[str, list[int]] = {}
        for record in records:
            name = record.resource_name
            entry = self._entry(name)
            if entry.reserved == record.record_id:
                # what is stored may go on calling it reserved: a reader looks into the slot
                entry.reserved = None
            if record.record_id not in entry.slots:
                entry.add(record.record_id)
                unused.setdefault(name, [])
            slot = entry.slots[record.record_id]
            self._set(self._home(name), _slot_key(name, slot), record.to_dict())
            unused.get(name, []).extend(entry.trim(self._kept_loads))
        for name, slots in unused.items():
            self._write_entry(name, self._entry(name))
            self._delete_slots(name, slots)

    def list_loads(
        self, pipeline_name: str, resource_name: str, limit: int = 20
    ) -> list[LoadRecord]:
        """Return the last *limit* loads of one resource, the newest first."""
        slots = self._stored_entry(resource_name).slots
        newest_first = (self._read_slot(resource_name, *item) for item in reversed(slots.items()))
        found = (
            record
            for record in newest_first
            if record is not None and record.pipeline_name == pipeline_name
        )
        return list(itertools.islice(found, min(limit, self._kept_loads)))

    def read_source(self, pipeline_name: str, source_name: str) -> SourceState | None:
        """Return the merged source-level state, or `None`."""
        key = source_name + SOURCE
        state = self._get(self._pipeline_home(), key, SourceState.from_dict)
        return state if state and state.pipeline_name == pipeline_name else None

    def write_source(self, state: SourceState) -> None:
        """Keep the merged source-level state in place of the former."""
        self._set(self._pipeline_home(), state.source_name + SOURCE, state.to_dict())

    def ask(self, request: StateRequest) -> None:
        """Keep *request*, in place of an earlier one of the same resource."""
        name = request.resource_name
        self._set(self._request_home(name), name + REQUEST, request.to_dict())

    def read_requests(
        self, pipeline_name: str, resource_names: Iterable[str]
    ) -> dict[str, StateRequest]:
        """Return resource name -> the last request for it, carried out or not."""
        requests = {}
        for name in resource_names:
            home = self._request_home(name)
            request = self._get(home, name + REQUEST, StateRequest.from_dict)
            if request is not None:
                requests[name] = request
        return _of_pipeline(requests, pipeline_name)

    def list_resources(self, pipeline_name: str) -> list[str]:
        """Return those of the resources that this store was made for that have state or request."""
        names = sorted(self._accessors)
        return sorted(
            {
                *self.read_resources(pipeline_name, names),
                *self.read_requests(pipeline_name, names),
            }
        )

    def close(self) -> None:
        """Do nothing: the connection is the task's."""

    def _home(self, resource_name: str) -> Accessor:
        home = self._accessors.get(resource_name)
        return self._pipeline_home() if home is None else home

    def _request_home(self, resource_name: str) -> Accessor:
        # whoever asks knows the pipeline's asset, but not which table a resource loads into
        return self._home(resource_name) if self._default is None else self._default

    def _pipeline_home(self) -> Accessor:
        if self._default is None:
            raise StateStoreError(self._name, "the task was given no asset of the pipeline")
        return self._default

    def _entry(self, resource_name: str) -> ResourceEntry:
        return self._entries.get(resource_name) or self._read_entry(resource_name)

    def _read_entry(self, resource_name: str) -> ResourceEntry:
        self._entries[resource_name] = self._stored_entry(resource_name)
        return self._entries[resource_name]

    def _stored_entry(self, resource_name: str) -> ResourceEntry:
        key = resource_name + STATE
        return (
            self._get(self._home(resource_name), key, ResourceEntry.from_value) or ResourceEntry()
        )

    def _write_entry(self, resource_name: str, entry: ResourceEntry) -> None:
        self._set(self._home(resource_name), resource_name + STATE, entry.to_value())

    def _reserve(self, resource_name: str, entry: ResourceEntry, record_id: str) -> list[int]:
        """Give a load its slot in the call that announces it, and take back one never written."""
        former = entry.reserved
        if former in entry.slots and not self._read_slot(
            resource_name, former, entry.slots[former]
        ):
            del entry.slots[former]
        unused = entry.trim(self._kept_loads)
        entry.add(record_id)
        entry.reserved = record_id
        return unused

    def _read_slot(self, resource_name: str, record_id: str, slot: int) -> LoadRecord | None:
        """Return a record, unless Airflow deleted it or it was never written."""
        key = _slot_key(resource_name, slot)
        record = self._get(self._home(resource_name), key, LoadRecord.from_dict)
        return record if record and record.record_id == record_id else None

    def _delete_slots(self, resource_name: str, slots: Iterable[int]) -> None:
        """Delete the *slots* that will not be used again, as fewer loads are kept than before."""
        for slot in slots:
            if slot > self._kept_loads:
                self._call(self._home(resource_name).delete, _slot_key(resource_name, slot))

    def _get(self, home: Accessor, key: str, build: Callable[[Values], Item]) -> Item | None:
        value = self._call(home.get, key)
        return None if value is None else self._decode(key, value, build)

    def _set(self, home: Accessor, key: str, value: dict[str, Any]) -> None:
        self._call(home.set, key, value)

    def _call(self, work: Callable[..., Any], key: str, *values: Any) -> Any:
        try:
            return work(key, *values)
        # the supervisor, HTTP and a database each have errors of their own
        except Exception as error:
            problem = f"key {key!r}: {type(error).__name__}: {' '.join(str(error).split())}"
            raise StateStoreError(self._name, problem) from error

    def _decode(self, key: str, value: Values, build: Callable[[Values], Item]) -> Item:
        try:
            return build(value)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            problem = (
                f"the value of its key {key!r} is damaged ({type(error).__name__}: {error}); "
                "delete that key on the asset's page, which costs history but no data"
            )
            raise StateStoreError(self._name, problem) from error


def _slot_key(resource_name: str, slot: int) -> str:
    return f"{resource_name}{LOAD}{slot}"


def _of_pipeline(items: dict[str, OfPipeline], pipeline_name: str) -> dict[str, OfPipeline]:
    """Leave out what another pipeline, for which a user declared the same asset, has written."""
    return {name: item for name, item in items.items() if item.pipeline_name == pipeline_name}
