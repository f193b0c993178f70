"""What a load did: the value that a task returns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from airflow_dlt_provider.core.spec import RunIdentity
from airflow_dlt_provider.core.state.store import LoadRecord


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

    @property
    def rows(self) -> int:
        """Rows written to all tables of the resource."""
        return sum(self.rows_by_table.values())

    @property
    def root_rows(self) -> int:
        """Rows written to the root table; to all, where each row names its table."""
        return self.rows_by_table.get(self.table_name, self.rows)


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

    @property
    def rows(self) -> int:
        """Rows written to all tables."""
        return sum(resource.rows for resource in self.resources)

    @property
    def seconds(self) -> float:
        """Seconds spent in all steps."""
        return sum(self.seconds_by_step.values())

    def records(self, pipeline_name: str, run: RunIdentity) -> tuple[LoadRecord, ...]:
        """Return what a state store keeps of this load: one record for each resource."""
        return tuple(
            LoadRecord(
                pipeline_name=pipeline_name,
                resource_name=load.resource_name,
                dag_id=run.dag_id,
                run_id=run.run_id,
                try_number=run.try_number,
                load_ids=self.load_ids,
                rows_by_table=load.rows_by_table,
                cursor_before=load.cursor_before,
                cursor_after=load.cursor_after,
                seconds_by_step=self.seconds_by_step,
                recorded_at=time.time(),
            )
            for load in self.resources
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, as they travel in XCom."""
        return asdict(self) | {
            "load_ids": list(self.load_ids),
            "resources": [asdict(load) for load in self.resources],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> LoadResult:
        """Return the result that `to_dict` turned into *document*."""
        return cls(
            **{
                **document,
                "load_ids": tuple(document["load_ids"]),
                "resources": tuple(ResourceLoad(**item) for item in document["resources"]),
            }
        )
