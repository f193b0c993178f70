"""The contract of a state store, and the records it keeps.

The truth about cursors is in the destination, where dlt stores a pipeline's state in the same
load package as the rows. A state store is the ledger beside it: what each load did to each
resource. Losing it costs history and never a row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class LoadRecord:
    """What one load did to one resource."""

    pipeline_name: str
    """The base name, shared by all tasks of a Dag or group."""
    resource_name: str
    dag_id: str
    run_id: str
    try_number: int
    load_ids: tuple[str, ...]
    rows_by_table: dict[str, int]
    cursor_before: dict[str, Any]
    """Cursor path -> last value, as JSON."""
    cursor_after: dict[str, Any]
    seconds_by_step: dict[str, float]
    """Seconds of the task, which may have loaded other resources too."""
    recorded_at: float
    """Seconds since 1970."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"load_ids": list(self.load_ids)}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> LoadRecord:
        """Return the record that `to_dict` turned into *document*."""
        return cls(**{**document, "load_ids": tuple(document["load_ids"])})


class StateStore(ABC):
    """Keeps what loads did.

    A store may be used by many tasks at once, each with an instance of its own. A record is on
    durable storage when `record_load` returns.
    """

    @abstractmethod
    def record_load(self, record: LoadRecord) -> None:
        """Keep *record*. Nothing that was recorded before is changed."""

    @abstractmethod
    def list_loads(
        self, pipeline_name: str, resource_name: str, limit: int = 20
    ) -> list[LoadRecord]:
        """Return the last *limit* loads of one resource, the newest first; `[]` without any."""

    def last_load(self, pipeline_name: str, resource_name: str) -> LoadRecord | None:
        """Return the newest load of one resource, or `None`."""
        return next(iter(self.list_loads(pipeline_name, resource_name, limit=1)), None)

    @abstractmethod
    def close(self) -> None:
        """Let go of connections. The store is not used afterwards."""
