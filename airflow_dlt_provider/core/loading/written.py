"""The tables that a load wrote, as other tools know them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlt.common.schema import Schema

from airflow_dlt_provider.core.loading.address import name_of, namespace_of
from airflow_dlt_provider.core.loading.opened import OpenedPipeline
from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.loading.result import LoadResult, WrittenTable

log = logging.getLogger(__name__)


def with_written_tables(
    result: LoadResult, opened: OpenedPipeline, loaded: Sequence[LoadedResource] = ()
) -> LoadResult:
    """Return *result* with the tables that a pipeline wrote.

    The rows are in the destination: whatever fails here is a warning.

    Args:
        result: What was loaded.
        opened: The task's own dlt pipeline.
        loaded: What names the schema of each resource; without it, and in the pipeline of a try
            that loaded nothing itself, the columns of the tables are not known.
    """
    try:
        return replace(result, tables=tuple(_written_tables(result, opened, loaded)))
    except Exception as error:
        log.warning("The load is done, but its tables cannot be named for lineage: %s", error)
        return result


def _written_tables(
    result: LoadResult, opened: OpenedPipeline, loaded: Sequence[LoadedResource]
) -> Iterator[WrittenTable]:
    client = opened.client
    namespace = namespace_of(client)
    schemas = {item.name: opened.pipeline.schemas.get(item.schema_name) for item in loaded}
    for load in result.resources:
        for table_name, rows in load.rows_by_table.items():
            yield WrittenTable(
                resource_name=load.resource_name,
                namespace=namespace,
                name=name_of(client, table_name),
                rows=rows,
                columns=_columns(schemas.get(load.resource_name), table_name),
            )


def _columns(schema: Schema | None, table_name: str) -> dict[str, str]:
    table: Mapping[str, Any] = schema.tables.get(table_name, {}) if schema else {}
    return {
        name: str(column["data_type"])
        for name, column in table.get("columns", {}).items()
        # a column that never had a value has no type, and is not in the destination
        if column.get("data_type")
    }
