"""Reads out of dlt what a load did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from dlt.common.json import json
from dlt.common.pipeline import LoadInfo
from dlt.common.schema import Schema
from dlt.common.schema.typing import TTableSchema
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.loading.result import LoadResult, ResourceLoad


@dataclass(frozen=True)
class LoadedResource:
    """A resource that this task loads, in words that outlive its source."""

    name: str
    """The resource's name; `<source>__<resource>` where there are several sources."""
    short_name: str
    """The name that the source gives to the resource."""
    source_name: str
    schema_name: str
    """The schema of the task's own copy of the source, and the key of its state."""
    table_name: str
    """The root table. A resource that names tables row by row goes by its own name here."""
    write_disposition: str
    appends: bool | None = None
    """Whether a load adds rows and leaves the others as they are; `None` where only rows tell."""
    is_dispatched: bool = False
    """Whether each row names its table."""
    fed_by: tuple[str, ...] = ()
    """Short names of the resources that feed it: its cursor may be one of theirs."""

    @property
    def is_scd2(self) -> bool:
        """Whether the table keeps the history of its rows."""
        return self.write_disposition == "scd2"

    @property
    def state_names(self) -> tuple[str, ...]:
        """Short names of all resources whose dlt state is this resource's."""
        return (self.short_name, *self.fed_by)


def states_of(pipeline: Pipeline, loaded: LoadedResource) -> dict[str, Any]:
    """Return dlt's state of a resource and of those that feed it, by short name."""
    source_state: Mapping[str, Any] = pipeline.state.get("sources", {}).get(loaded.schema_name, {})
    resources = source_state.get("resources", {})
    return {name: deepcopy(resources[name]) for name in loaded.state_names if resources.get(name)}


def cursors_in(states: Mapping[str, Any], short_name: str) -> dict[str, Any]:
    """Return cursor path -> last value, as plain JSON, of one resource in its states."""
    cursors = states.get(short_name, {}).get("incremental", {})
    return {
        path: json.loads(json.dumps(cursor.get("last_value"))) for path, cursor in cursors.items()
    }


def describe_load(
    pipeline: Pipeline,
    loaded: Sequence[LoadedResource],
    *,
    states_before: Mapping[str, Mapping[str, Any]],
    rows_by_table: Mapping[str, int],
    load_ids: tuple[str, ...],
    seconds_by_step: dict[str, float],
) -> LoadResult:
    """Return what *pipeline* did to the resources in *loaded*."""
    return LoadResult(
        pipeline_name=pipeline.pipeline_name,
        dataset_name=pipeline.dataset_name,
        destination=pipeline.destination.destination_name,
        load_ids=load_ids,
        resources=tuple(
            ResourceLoad(
                resource_name=item.name,
                table_name=item.table_name,
                rows_by_table=_rows_of_resource(pipeline, item, rows_by_table),
                cursor_before=cursors_in(states_before[item.name], item.short_name),
                cursor_after=cursors_in(states_of(pipeline, item), item.short_name),
            )
            for item in loaded
        ),
        seconds_by_step=seconds_by_step,
    )


def schema_changes(
    pipeline: Pipeline, loaded: LoadedResource, load_infos: Iterable[LoadInfo]
) -> dict[str, list[str]]:
    """Return table -> columns that a load added, of the tables of one resource."""
    schema = pipeline.schemas.get(loaded.schema_name)
    return {
        name: sorted(update.get("columns", {}))
        for info in load_infos
        for package in info.load_packages
        for name, update in package.schema_update.items()
        if schema and name in schema.tables and resource_of(schema, name) == loaded.short_name
    }


def tables_of(pipeline: Pipeline, loaded: LoadedResource) -> dict[str, Any]:
    """Return table -> `parent` and `columns` of a resource's tables, as dlt's schema has them.

    A root table comes before those that are nested in it. A column whose type dlt has not seen
    yet is no column of the destination, and left out.
    """
    schema = pipeline.schemas.get(loaded.schema_name)
    if schema is None:
        return {}
    own = [name for name in schema.tables if resource_of(schema, name) == loaded.short_name]
    own.sort(key=lambda name: (len(_ancestors(schema, name)), name))
    return {name: _table_document(schema.tables[name]) for name in own}


def _ancestors(schema: Schema, table_name: str) -> list[str]:
    parent = schema.tables[table_name].get("parent")
    return [*_ancestors(schema, parent), parent] if parent else []


def _table_document(table: TTableSchema) -> dict[str, Any]:
    return {
        "parent": table.get("parent"),
        "columns": {
            name: {
                "type": column["data_type"],
                "nullable": column.get("nullable", True),
                "key": bool(column.get("primary_key") or column.get("merge_key")),
            }
            for name, column in table["columns"].items()
            if column.get("data_type")
        },
    }


def _rows_of_resource(
    pipeline: Pipeline, item: LoadedResource, rows_by_table: Mapping[str, int]
) -> dict[str, int]:
    schema = pipeline.schemas.get(item.schema_name)
    tables = {
        name: rows
        for name, rows in sorted(rows_by_table.items())
        if schema and name in schema.tables and resource_of(schema, name) == item.short_name
    }
    if not item.is_dispatched:
        # a table that got no rows is shown with none
        tables = {item.table_name: tables.pop(item.table_name, 0), **tables}
    return tables


def resource_of(schema: Schema, table_name: str) -> str | None:
    """Return the short name of the resource whose rows a table holds."""
    table = schema.tables[table_name]
    while "resource" not in table and (parent := table.get("parent")):
        table = schema.tables[parent]
    return table.get("resource")
