"""What a load did: the value that a task returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from airflow_dlt_provider.core.state.records import LoadKind
from airflow_dlt_provider.core.state.source_merge import TaskChanges

ROWS_WORTH_A_RESOURCE = 2_000
"""A resource costs a load of several as much as so many rows, besides its rows: 0.05 to 0.07 s at
30,000 rows a second (measured, DuckDB and PostgreSQL)."""


@dataclass(frozen=True)
class ResourceLoad:
    """What a load did to one resource."""

    resource_name: str
    """The resource's name; `<source>__<resource>` where there are several sources."""
    table_name: str
    """The root table, as it is named in the destination."""
    rows_by_table: dict[str, int]
    """Rows written, by table: the root table first, then nested and dispatched ones."""
    cursor_before: dict[str, Any]
    """Cursor path -> last value, as JSON; empty where the resource has no cursor."""
    cursor_after: dict[str, Any]
    schema_changes: dict[str, list[str]] = field(default_factory=dict)
    """Table -> columns that the load added."""
    kind: LoadKind = "load"
    window: list[str] | None = None
    """`backfill`: both ends of the window, as ISO 8601; the second one is excluded."""
    warnings: list[str] = field(default_factory=list)
    """What is unusual about the load, one sentence each: see `loading.anomalies`."""

    @property
    def rows(self) -> int:
        """Rows written to all tables of the resource."""
        return sum(self.rows_by_table.values())

    @property
    def root_rows(self) -> int:
        """Rows written to the root table; to all, where each row names its table."""
        return self.rows_by_table.get(self.table_name, self.rows)


@dataclass(frozen=True)
class WrittenTable:
    """One table that a load wrote, as other tools know it."""

    resource_name: str
    """The resource's name; `<source>__<resource>` where there are several sources."""
    namespace: str
    """Where the table is, for example `postgres://host:5432`: see `loading.address`."""
    name: str
    """The full name there, for example `warehouse.raw.orders`."""
    rows: int
    columns: dict[str, str]
    """Column -> dlt's data type; empty where it is not known."""


@dataclass(frozen=True)
class LoadResult:
    """What one task loaded."""

    pipeline_name: str
    """The task's own dlt pipeline."""
    dataset_name: str
    destination: str
    """dlt's name of the destination, for example `duckdb`."""
    load_ids: tuple[str, ...]
    """dlt's ids of the finished load packages; empty when there was nothing to load."""
    resources: tuple[ResourceLoad, ...]
    seconds_by_step: dict[str, float]
    """Seconds spent in `restore`, `extract`, `normalize` and `load`; waiting for a lock counts."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Resource -> why it has no part in a window."""
    changes: TaskChanges | None = None
    """What the load changed in source-level state, for the run's last task to merge."""
    tables: tuple[WrittenTable, ...] = field(default=(), compare=False)
    """The tables for lineage; they are of use in the task alone, and not in `to_dict`."""

    @property
    def rows(self) -> int:
        """Rows written to all tables."""
        return sum(resource.rows for resource in self.resources)

    @property
    def seconds(self) -> float:
        """Seconds spent in all steps."""
        return sum(self.seconds_by_step.values())

    def shares(self) -> tuple[float, ...]:
        """Estimate how much of the load's seconds is due to each of its resources, 1 in all.

        They are extracted side by side and written by one package, so that nobody can time them:
        rows decide, and a fixed part for each resource.
        """
        weights = [ROWS_WORTH_A_RESOURCE + load.rows for load in self.resources]
        return tuple(weight / sum(weights) for weight in weights)

    def joined(self, later: LoadResult) -> LoadResult:
        """Return this and what a later try loaded as one; its seconds are those of the later."""
        return replace(
            later,
            load_ids=tuple(dict.fromkeys((*self.load_ids, *later.load_ids))),
            resources=(*self.resources, *later.resources),
            tables=(*self.tables, *later.tables),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, as they travel in XCom."""
        document = asdict(replace(self, tables=())) | {
            "load_ids": list(self.load_ids),
            "resources": [asdict(load) for load in self.resources],
            "changes": self.changes.to_dict() if self.changes else None,
        }
        del document["tables"]
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> LoadResult:
        """Return the result that `to_dict` turned into *document*."""
        return cls(
            **{
                **document,
                "load_ids": tuple(document["load_ids"]),
                "resources": tuple(ResourceLoad(**item) for item in document["resources"]),
                "changes": TaskChanges.from_dict(document["changes"])
                if document["changes"]
                else None,
            }
        )
