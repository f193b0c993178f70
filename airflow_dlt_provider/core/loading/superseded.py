"""Older rows that a load takes the place of, and that are removed once it has finished."""

from __future__ import annotations

from dataclasses import replace

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.extraction import Extraction
from airflow_dlt_provider.core.loading.opened import OpenedPipeline
from airflow_dlt_provider.core.loading.result import LoadResult
from airflow_dlt_provider.core.loading.rows.contract import RowRange, StoredRows
from airflow_dlt_provider.core.state.records import LoadRecord


def superseded_rows(
    opened: OpenedPipeline, extraction: Extraction, result: LoadResult
) -> dict[str, RowRange]:
    """Return resource -> the rows that a load takes the place of.

    A load that brings no row takes no row away.

    Raises:
        StateError: They could not be found in the destination. Nothing has been loaded yet.
    """
    found = {}
    for item, load in zip(extraction.loaded, result.resources, strict=True):
        fields = extraction.ranges.get(item.name)
        if fields is None or not load.rows:
            continue
        rows = RowRange(**fields)
        if rows.end is None:
            after = extraction.states_after[item.name][item.short_name]["incremental"]
            rows = replace(rows, end=after[rows.cursor_path]["last_value"])
        if opened.rows is None:
            raise StateError(
                f"rows of resource {item.name!r} cannot be found in this destination, so that a "
                "window of them could be loaded twice; merge them by a key, or use a full refresh"
            )
        schema = opened.pipeline.schemas[item.schema_name]
        opened.rows.check_range(schema.tables[item.table_name], rows)
        found[item.name] = rows
    return found


def remove_superseded(rows: StoredRows | None, record: LoadRecord) -> None:
    """Take out the rows that a finished load has written anew; doing it again changes nothing."""
    if record.superseded is None or rows is None:
        return
    rows.remove_superseded(
        record.schema_names, record.table_name, RowRange(**record.superseded), record.load_ids
    )
