"""Reads out of dlt what a load did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlt.common.json import json
from dlt.common.schema import Schema
from dlt.extract import DltResource, DltSource
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.loading.result import LoadResult, ResourceLoad
from airflow_dlt_provider.core.planning.decompose import root_table


@dataclass(frozen=True)
class LoadedResource:
    """A resource in the source that this task extracts."""

    name: str
    """The resource's name; `<source>__<resource>` where there are several sources."""
    resource: DltResource
    source: DltSource


def read_cursors(pipeline: Pipeline, loaded: Sequence[LoadedResource]) -> dict[str, dict[str, Any]]:
    """Return resource name -> cursor path -> last value, from the state of *pipeline*."""
    states = pipeline.state.get("sources", {})
    return {
        item.name: {
            path: json.loads(json.dumps(cursor.get("last_value")))
            for path, cursor in states.get(item.source.name, {})
            .get("resources", {})
            .get(item.resource.name, {})
            .get("incremental", {})
            .items()
        }
        for item in loaded
    }


def describe_load(
    pipeline: Pipeline,
    loaded: Sequence[LoadedResource],
    *,
    cursors_before: Mapping[str, dict[str, Any]],
    rows_by_table: Mapping[str, int],
    load_ids: tuple[str, ...],
    seconds_by_step: dict[str, float],
) -> LoadResult:
    """Return what *pipeline* did to the resources in *loaded*."""
    cursors_after = read_cursors(pipeline, loaded)
    return LoadResult(
        pipeline_name=pipeline.pipeline_name,
        dataset_name=pipeline.dataset_name,
        destination=pipeline.destination.destination_name,
        load_ids=load_ids,
        resources=tuple(
            ResourceLoad(
                resource_name=item.name,
                table_name=root_table(item.resource, item.source.schema),
                rows_by_table=_rows_of_resource(pipeline, item, rows_by_table),
                cursor_before=cursors_before[item.name],
                cursor_after=cursors_after[item.name],
            )
            for item in loaded
        ),
        seconds_by_step=seconds_by_step,
    )


def _rows_of_resource(
    pipeline: Pipeline, item: LoadedResource, rows_by_table: Mapping[str, int]
) -> dict[str, int]:
    schema = pipeline.schemas.get(item.source.name)
    tables = {
        name: rows
        for name, rows in sorted(rows_by_table.items())
        if schema and name in schema.tables and _resource_of(schema, name) == item.resource.name
    }
    root = root_table(item.resource, item.source.schema)
    if not item.resource.has_dynamic_table_name:
        # a table that got no rows is shown with none
        tables = {root: tables.pop(root, 0), **tables}
    return tables


def _resource_of(schema: Schema, table_name: str) -> str | None:
    table = schema.tables[table_name]
    while "resource" not in table and (parent := table.get("parent")):
        table = schema.tables[parent]
    return table.get("resource")
