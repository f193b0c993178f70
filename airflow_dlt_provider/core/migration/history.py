"""What the stored states of plain dlt pipelines say of each resource, once they are put together.

dlt stores the whole state of a pipeline with a load, and restores the newest row. Tasks of dlt's
Airflow helper in mode `parallel` share one pipeline: each starts from the row that was the newest
then, and stores that one with its own resources changed. A later row may so hold an older cursor
of another task's resource, or none (peers.md b-1). What a row says of a resource therefore counts
only where it differs from the row that its load started from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlt.common.schema.typing import TTableSchema

from airflow_dlt_provider.core.loading.rows.contract import (
    StoredPipeline,
    StoredState,
    root_tables,
)
from airflow_dlt_provider.core.state.merge import apply_changes, changes_between


@dataclass(frozen=True)
class LastChange:
    """Where the state of a resource last changed."""

    pipeline_name: str
    stored: StoredState
    state: Any
    """dlt's state of the resource; `None` where it was reset."""


@dataclass(frozen=True)
class SourceHistory:
    """What one pipeline stored of one source."""

    pipeline_name: str
    source_key: str
    """The name under which dlt keeps the state of the source, which is that of its schema."""
    changes: Mapping[str, LastChange]
    """Resource -> where its state last changed."""
    values: Mapping[str, Any]
    """Source-level state."""
    roots: tuple[TTableSchema, ...]
    """Root tables."""
    newest: StoredState

    @property
    def loaded_names(self) -> frozenset[str]:
        """Names of the resources that have a table."""
        return frozenset(str(root["resource"]) for root in self.roots if root.get("resource"))

    def knows(self, resource_name: str) -> bool:
        """Tell whether the resource has a table or a state."""
        return resource_name in self.loaded_names or resource_name in self.changes

    def has_cursor(self, resource_name: str) -> bool:
        """Tell whether a table of the resource has a column that dlt marked as a cursor."""
        return any(
            column.get("incremental")
            for root in self.roots
            if root.get("resource") == resource_name
            for column in root["columns"].values()
        )


def source_histories(pipelines: Iterable[StoredPipeline]) -> list[SourceHistory]:
    """Return the history of every source of every pipeline."""
    return [
        _history(pipeline, key)
        for pipeline in pipelines
        for key in sorted({*pipeline.tables, *_source_keys(pipeline)})
    ]


def _source_keys(pipeline: StoredPipeline) -> set[str]:
    return {key for stored in pipeline.states for key in stored.state.get("sources", {})}


def _history(pipeline: StoredPipeline, key: str) -> SourceHistory:
    changes: dict[str, LastChange] = {}
    values: dict[str, Any] = {}
    for number, stored in enumerate(pipeline.states):
        start = _restored_by(stored, pipeline.states[:number])
        before, own_before = _split(start, key)
        after, own_after = _split(stored, key)
        for name in {**before, **after}:
            if before.get(name) != after.get(name):
                changes[name] = LastChange(pipeline.name, stored, after.get(name))
        values = apply_changes(values, changes_between(own_before, own_after))
    roots = tuple(root_tables(pipeline.tables.get(key, {})).values())
    return SourceHistory(pipeline.name, key, changes, values, roots, pipeline.states[-1])


def _restored_by(stored: StoredState, earlier: Sequence[StoredState]) -> StoredState | None:
    """Return the state that the load of *stored* started from: the newest finished by then.

    A state is never restored by a load whose own has the same version: those two had one start.
    """
    began_at = float(stored.load_id)
    return next(
        (
            item
            for item in reversed(earlier)
            if item.finished_at <= began_at and item.version < stored.version
        ),
        None,
    )


def _split(stored: StoredState | None, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the states of resources, and the source-level state beside them."""
    whole = dict(stored.state.get("sources", {}).get(key, {})) if stored else {}
    resources = whole.pop("resources", {})
    return {name: state for name, state in resources.items() if state}, whole
