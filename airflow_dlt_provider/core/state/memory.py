"""A state store that lives as long as its process: for trials, tests and the command line."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from airflow_dlt_provider.core.state.records import (
    LoadRecord,
    ResourceState,
    SourceState,
    StateRequest,
)
from airflow_dlt_provider.core.state.store import KEPT_LOADS, StateStore

Key = tuple[str, str]


class MemoryStateStore(StateStore):
    """Keeps records in memory; threads may share it.

    Args:
        kept_loads: How many loads of each resource are kept.
    """

    def __init__(self, kept_loads: int = KEPT_LOADS) -> None:
        self._kept_loads = kept_loads
        self._lock = threading.Lock()
        self._loads: dict[Key, dict[str, LoadRecord]] = {}
        self._resources: dict[Key, ResourceState] = {}
        self._sources: dict[Key, SourceState] = {}
        self._requests: dict[Key, StateRequest] = {}

    @property
    def name(self) -> str:
        """Name of the store for messages."""
        return "memory"

    def read_resources(
        self, pipeline_name: str, resource_names: Iterable[str]
    ) -> dict[str, ResourceState]:
        """Return resource name -> its state, for those that have one."""
        keys = {name: (pipeline_name, name) for name in resource_names}
        return {name: self._resources[key] for name, key in keys.items() if key in self._resources}

    def write_resources(self, states: Sequence[ResourceState]) -> None:
        """Keep the state of resources in place of the former."""
        for state in states:
            self._resources[state.pipeline_name, state.resource_name] = state

    def record_loads(self, records: Sequence[LoadRecord]) -> None:
        """Keep records; one with the `record_id` of a kept record replaces it."""
        with self._lock:
            for record in records:
                loads = self._loads.setdefault((record.pipeline_name, record.resource_name), {})
                loads[record.record_id] = record
                for record_id in list(loads)[: -self._kept_loads]:
                    del loads[record_id]

    def list_loads(
        self, pipeline_name: str, resource_name: str, limit: int = 20
    ) -> list[LoadRecord]:
        """Return the last *limit* loads of one resource, the newest first."""
        with self._lock:
            loads = list(self._loads.get((pipeline_name, resource_name), {}).values())
        return loads[::-1][:limit]

    def read_source(self, pipeline_name: str, source_name: str) -> SourceState | None:
        """Return the merged source-level state, or `None`."""
        return self._sources.get((pipeline_name, source_name))

    def write_source(self, state: SourceState) -> None:
        """Keep the merged source-level state in place of the former."""
        self._sources[state.pipeline_name, state.source_name] = state

    def ask(self, request: StateRequest) -> None:
        """Keep *request*, in place of an earlier one of the same resource."""
        self._requests[request.pipeline_name, request.resource_name] = request

    def read_requests(
        self, pipeline_name: str, resource_names: Iterable[str]
    ) -> dict[str, StateRequest]:
        """Return resource name -> the last request for it, carried out or not."""
        keys = {name: (pipeline_name, name) for name in resource_names}
        return {name: self._requests[key] for name, key in keys.items() if key in self._requests}

    def list_resources(self, pipeline_name: str) -> list[str]:
        """Return the names of all resources with a state or a request, sorted."""
        keys = {*self._resources, *self._requests}
        return sorted(resource for pipeline, resource in keys if pipeline == pipeline_name)

    def close(self) -> None:
        """Do nothing: there is no connection."""
