"""Nested tables that exist, and what a source can no longer change of them.

dlt gives nested rows the key of their root row when their table is made, for a merge or by
`root_key`. A table that holds rows cannot get that column later, as it takes no NULL: the load
would fail, and leave its package behind.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from dlt.common.destination.exceptions import DestinationCapabilitiesException
from dlt.common.destination.utils import resolve_merge_strategy
from dlt.common.normalizers.json.relational import DataItemNormalizer
from dlt.common.schema import Schema
from dlt.common.schema.typing import TTableSchema
from dlt.common.schema.utils import (
    get_nested_tables,
    has_column_with_prop,
    has_table_seen_data,
    is_nested_table,
)
from dlt.extract import DltResource, DltSource
from dlt.extract.exceptions import DataItemRequiredForDynamicTableHints

from airflow_dlt_provider.core.errors import RootKeyError
from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.loading.refresh import TaskRefresh
from airflow_dlt_provider.core.loading.restore import Restored
from airflow_dlt_provider.core.loading.rows.sql import SqlRows
from airflow_dlt_provider.core.loading.selected import Selected

MERGES_BY_ROOT_KEY = ("delete-insert", "upsert", "insert-only", "cdc")
"""The strategies with which dlt 1.31 finds nested rows by the key of their root row."""

log = logging.getLogger(__name__)


def check_nested_tables(selected: Selected, restored: Restored, refresh: TaskRefresh) -> None:
    """Compare what the source says of nesting with the tables that former loads made.

    Args:
        selected: Built afresh, and not extracted yet.
        restored: The task's pipeline, with the schemas of former loads.
        refresh: What is loaded from the beginning; tables that it drops are made anew.

    Raises:
        RootKeyError: Nested rows need the key of their root row, and their table has no place.
    """
    dropped = refresh.names if refresh.drop == "drop_resources" else frozenset()
    for item in selected.loaded:
        stored = restored.pipeline.schemas.get(item.schema_name)
        if stored is None or item.name in dropped:
            continue
        source = next(source for source in selected.sources if source.name == item.schema_name)
        resource = source.resources[item.short_name]
        depth = source.max_table_nesting
        if resource.max_table_nesting is not None:
            depth = resource.max_table_nesting
        for root in _root_tables(stored, item):
            nested = _nested_tables(stored, root, None)
            fed = _nested_tables(stored, root, depth)
            if depth != _stored_depth(stored, root):
                _warn_of_leftovers(item, [table for table in nested if table not in fed])
            if _needs_root_key(source, resource, restored):
                _refuse_without_root_key(item, fed, restored)


def _root_tables(stored: Schema, item: LoadedResource) -> list[str]:
    names = [
        str(table["name"])
        for table in stored.data_tables(seen_data_only=True)
        if table.get("resource") == item.short_name and not is_nested_table(table)
    ]
    return names or [item.table_name]


def _nested_tables(stored: Schema, root: str, depth: int | None) -> list[TTableSchema]:
    """Return the nested tables that hold rows, or have held some, down to a depth."""
    tables = get_nested_tables(stored.tables, root, max_nesting=depth, include_self=False)
    return [table for table in tables if has_table_seen_data(table)]


def _stored_depth(stored: Schema, root: str) -> Any:
    """Return the depth with which the last load was made."""
    table: Any = stored.tables.get(root, {})
    own = table.get("x-normalizer", {}).get("max_nesting")
    config: Any = DataItemNormalizer.get_normalizer_config(stored)
    return own if own is not None else config.get("max_nesting")


def _warn_of_leftovers(item: LoadedResource, tables: Sequence[TTableSchema]) -> None:
    if tables:
        log.warning(
            "Resource %s: with its max_table_nesting, tables %s get no rows any more, and stay as "
            "they are; a full refresh with refresh_mode drop_resources removes them",
            item.name,
            ", ".join(str(table["name"]) for table in tables),
        )


def _needs_root_key(source: DltSource, resource: DltResource, restored: Restored) -> bool:
    if source.root_key is not None:
        return source.root_key
    try:
        table = resource.compute_table_schema()
        capabilities = restored.pipeline.destination.capabilities()
        strategy = resolve_merge_strategy({str(table["name"]): table}, table, capabilities)
    except (DataItemRequiredForDynamicTableHints, DestinationCapabilitiesException):
        # the first is known row by row; the second is for the load to say
        return False
    return strategy in MERGES_BY_ROOT_KEY


def _refuse_without_root_key(
    item: LoadedResource, tables: Iterable[TTableSchema], restored: Restored
) -> None:
    rows = restored.rows
    if not isinstance(rows, SqlRows):
        # files have columns of their own
        return
    without = [str(t["name"]) for t in tables if not has_column_with_prop(t, "root_key")]
    if filled := [name for name in without if rows.has_rows(name)]:
        raise RootKeyError(item.name, filled)
