"""A state store that lives as long as its process: for trials, tests and the command line."""

from __future__ import annotations

from collections import defaultdict

from airflow_dlt_provider.core.state.store import LoadRecord, StateStore


class MemoryStateStore(StateStore):
    """Keeps records in memory; threads may share it."""

    def __init__(self) -> None:
        self._loads: defaultdict[tuple[str, str], list[LoadRecord]] = defaultdict(list)

    def record_load(self, record: LoadRecord) -> None:
        """Keep *record*."""
        self._loads[record.pipeline_name, record.resource_name].append(record)

    def list_loads(
        self, pipeline_name: str, resource_name: str, limit: int = 20
    ) -> list[LoadRecord]:
        """Return the last *limit* loads of one resource, the newest first."""
        return list(reversed(self._loads.get((pipeline_name, resource_name), [])))[:limit]

    def close(self) -> None:
        """Do nothing: there is no connection."""
