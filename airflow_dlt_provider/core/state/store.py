"""The contract of a state store.

The truth about cursors is in the destination, where dlt stores a pipeline's state in the same
load package as the rows. A state store is the ledger and the control plane on top of it: what
each load did to each resource, which loads nobody has seen the end of, and what a person asked
for. Losing it costs history and never a row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from airflow_dlt_provider.core.state.records import (
    LoadRecord,
    ResourceState,
    SourceState,
    StateRequest,
)

ALL_KEPT = 10_000
"""More loads than any store keeps of one resource."""

KEPT_LOADS = 50
"""How many loads of each resource a store keeps unless told otherwise."""


class StateStore(ABC):
    """Keeps what loads did, and what a person asked for.

    A store may be used by many tasks at once, each with an instance of its own. Every key has one
    writer: the task of a resource writes its `ResourceState` and its records, the last task of a
    run writes the `SourceState`, persons write requests. What a method was given is on durable
    storage when it returns. The cost of a method grows neither with the number of resources that
    it was not asked about, nor with the number of past loads.

    Raises:
        StateStoreError: Every method, when the store cannot be reached or cannot be read.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the store for messages, without a password."""

    @abstractmethod
    def read_resources(
        self, pipeline_name: str, resource_names: Iterable[str]
    ) -> dict[str, ResourceState]:
        """Return resource name -> its state, for those that have one."""

    @abstractmethod
    def write_resources(self, states: Sequence[ResourceState]) -> None:
        """Keep the state of resources in place of the former."""

    @abstractmethod
    def record_loads(self, records: Sequence[LoadRecord]) -> None:
        """Keep records; one with the `record_id` of a kept record replaces it.

        Of each resource the last loads are kept, as many as the store was made for.
        """

    @abstractmethod
    def list_loads(
        self, pipeline_name: str, resource_name: str, limit: int = 20
    ) -> list[LoadRecord]:
        """Return the last *limit* loads of one resource, the newest first; `[]` without any."""

    @abstractmethod
    def read_source(self, pipeline_name: str, source_name: str) -> SourceState | None:
        """Return the merged source-level state, or `None`."""

    @abstractmethod
    def write_source(self, state: SourceState) -> None:
        """Keep the merged source-level state in place of the former."""

    @abstractmethod
    def ask(self, request: StateRequest) -> None:
        """Keep *request*, in place of an earlier one of the same resource."""

    @abstractmethod
    def read_requests(
        self, pipeline_name: str, resource_names: Iterable[str]
    ) -> dict[str, StateRequest]:
        """Return resource name -> the last request for it, carried out or not."""

    @abstractmethod
    def list_resources(self, pipeline_name: str) -> list[str]:
        """Return the names of all resources with a state or a request, sorted."""

    def last_load(self, pipeline_name: str, resource_name: str) -> LoadRecord | None:
        """Return the newest load of one resource, or `None`."""
        return next(iter(self.list_loads(pipeline_name, resource_name, limit=1)), None)

    def pending_requests(
        self, pipeline_name: str, states: dict[str, ResourceState], resource_names: Iterable[str]
    ) -> dict[str, StateRequest]:
        """Return resource name -> the request that no load has carried out yet."""
        return {
            name: request
            for name, request in self.read_requests(pipeline_name, resource_names).items()
            if name not in states or states[name].applied_request_id != request.request_id
        }

    @abstractmethod
    def close(self) -> None:
        """Let go of connections. The store is not used afterwards."""
