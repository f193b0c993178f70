"""Older rows that a load takes the place of, and that are removed once it has finished."""

from __future__ import annotations

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
        if opened.rows is None:
            raise StateError(
                f"rows of resource {item.name!r} cannot be found in this destination, so that a "
                "window of them could be loaded twice; merge them by a key, or use a full refresh"
            )
        table = opened.pipeline.schemas[item.schema_name].tables.get(item.table_name)
        if table is None:
            raise StateError(
                f"rows of resource {item.name!r} name their tables, so that those of a window "
                "cannot be found again; use a full refresh"
            )
        opened.rows.check_range(table, rows)
        found[item.name] = rows
    return found


def remove_superseded(rows: StoredRows | None, record: LoadRecord) -> None:
    """Take out the rows that a finished load has written anew; doing it again changes nothing."""
    if record.superseded is None or rows is None:
        return
    rows.remove_superseded(
        record.schema_names, record.table_name, RowRange(**record.superseded), record.load_ids
    )
