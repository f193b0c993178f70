"""A full refresh: what it means for the resources of a task, and what it must not do.

The cursor of a refreshed resource is taken away before its source runs, as for a reset. What
becomes of its rows is dlt's part: with `replace` the load is written as if the resource's write
disposition was `replace`; `drop_data` and `drop_resources` are dlt's own refresh modes, which empty
or drop tables when the load begins. A table without rows needs neither: its next load is its first.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from dlt.common.normalizers.json.relational import DataItemNormalizer
from dlt.common.schema.typing import C_DLT_ID
from dlt.extract import DltResource, DltSource

from airflow_dlt_provider.core.errors import EmptyRefreshError, StateError
from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.loading.restore import Restored
from airflow_dlt_provider.core.loading.result import ResourceLoad
from airflow_dlt_provider.core.state.records import StateRequest

C_DLT_ROOT_ID = "_dlt_root_id"

DropMode = Literal["drop_data", "drop_resources"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskRefresh:
    """What a load does to the resources that it refreshes."""

    resources: tuple[LoadedResource, ...] = ()
    drop: DropMode | None = None
    """dlt's refresh mode, for all of them: a resource that feeds two of them is extracted once."""
    replaced: frozenset[str] = frozenset()
    """Those that are written as if their write disposition was `replace`."""
    taken_over: frozenset[str] = frozenset()
    """Those whose rows were loaded by another task's pipeline, whose nested tables it knows."""
    guarded: frozenset[str] = frozenset()
    """Those whose tables hold rows, and that may not be emptied by a source without any."""

    @property
    def names(self) -> frozenset[str]:
        """Names of the resources."""
        return frozenset(item.name for item in self.resources)


def plan_refresh(
    loaded: Sequence[LoadedResource],
    requests: Mapping[str, StateRequest],
    restored: Restored,
    shared_tables: Sequence[str],
) -> TaskRefresh:
    """Decide how resources are refreshed.

    Args:
        loaded: What the task loads.
        requests: Resource name -> its request, whatever it asks for.
        restored: The task's pipeline, and the rows in the destination.
        shared_tables: Root tables that other tasks write too.

    Raises:
        StateError: It would take away rows that it does not bring back.
    """
    refreshed = tuple(
        item for item in loaded if item.name in requests and requests[item.name].kind == "refresh"
    )
    if not refreshed:
        return TaskRefresh()
    for item in refreshed:
        _refuse_shared_table(item, shared_tables)
    known = {item.name: _known_tables(item, restored) for item in refreshed}
    drop = _drop_mode(refreshed, requests, known)
    held = {item.name for item in refreshed if _may_hold_rows(item, restored, known[item.name])}
    unknown = {name for name, tables in known.items() if not tables}
    for item in refreshed:
        if item.is_scd2 and item.name in held & unknown:
            raise StateError(
                f"table {item.table_name!r} of resource {item.name!r} keeps the history of its "
                "rows (scd2), and this task has never loaded it: it can neither be replaced nor "
                "emptied. Drop the table in the destination, then refresh"
            )
    return TaskRefresh(
        refreshed,
        drop,
        # dlt drops and empties only what the pipeline has loaded itself
        frozenset(held if drop is None else held & unknown),
        frozenset(held & unknown),
        frozenset(name for name in held if not requests[name].allow_empty),
    )


def apply_refresh(sources: Iterable[DltSource], refresh: TaskRefresh) -> None:
    """Make replaced resources write as if their write disposition was `replace`."""
    replaced = {
        (item.schema_name, item.short_name): item
        for item in refresh.resources
        if item.name in refresh.replaced
    }
    for source in sources:
        for resource in source.selected_resources.values():
            item = replaced.get((source.name, resource.name))
            if item is None:
                continue
            if item.write_disposition == "merge":
                _keep_root_key(source, item.table_name)
            _replace(resource)


def replaced_with_rows(
    loaded: Iterable[LoadedResource], refresh: TaskRefresh, restored: Restored
) -> frozenset[str]:
    """Return the resources of which any load replaces the table, and whose tables hold rows.

    Args:
        loaded: What the task loads.
        refresh: What is refreshed, which has a guard of its own.
        restored: The task's pipeline, and the rows in the destination.
    """
    rows = restored.rows
    return frozenset(
        item.name
        for item in loaded
        if item.write_disposition == "replace"
        and item.name not in refresh.names
        and rows is not None
        and any(rows.has_rows(name) for name in _known_tables(item, restored) or [item.table_name])
    )


def refuse_empty(guarded: Collection[str], loads: Iterable[ResourceLoad]) -> None:
    """Stop a load that would only take rows away, before it begins.

    Args:
        guarded: Resources that are written anew, and whose tables hold rows.
        loads: What is going to be loaded: rows that a schema contract discards do not count.

    Raises:
        EmptyRefreshError: One of them brings no row.
    """
    empty = [
        load.resource_name for load in loads if load.resource_name in guarded and not load.rows
    ]
    if empty:
        raise EmptyRefreshError(empty)


def _refuse_shared_table(item: LoadedResource, shared_tables: Sequence[str]) -> None:
    if item.table_name in shared_tables:
        raise StateError(
            f"resource {item.name!r} cannot be refreshed by itself: other tasks write table "
            f"{item.table_name!r} too, and their rows would be lost. Load all of them in one task "
            'with decompose="none", or give each a table of its own'
        )


def _drop_mode(
    refreshed: Iterable[LoadedResource],
    requests: Mapping[str, StateRequest],
    known: Mapping[str, Collection[str]],
) -> DropMode | None:
    modes = {requests[item.name].mode for item in refreshed}
    if "drop_resources" in modes:
        return "drop_resources"
    # a replaced scd2 table has rows without validity, and of tables that rows name one by one,
    # those that no row names any more would stay as they are
    needs_drop = [
        item.name
        for item in refreshed
        if item.is_scd2 or item.is_dispatched or set(known[item.name]) - {item.table_name}
    ]
    if needs_drop and modes == {"replace"}:
        log.info("Refreshed by drop_data, as replace does not fit: %s", ", ".join(needs_drop))
    return "drop_data" if needs_drop or "drop_data" in modes else None


def _known_tables(item: LoadedResource, restored: Restored) -> set[str]:
    """Return the root tables into which this pipeline has loaded rows of the resource."""
    schema = restored.pipeline.schemas.get(item.schema_name)
    tables = schema.data_tables(seen_data_only=True) if schema else []
    return {str(table["name"]) for table in tables if table.get("resource") == item.short_name}


def _may_hold_rows(item: LoadedResource, restored: Restored, known: Collection[str]) -> bool:
    rows = restored.rows
    if rows is None or (item.is_dispatched and not known):
        return True
    return any(rows.has_rows(name) for name in known or [item.table_name])


def _keep_root_key(source: DltSource, table_name: str) -> None:
    """Let nested rows have the key of their root, as a merge does, which the next one will need."""
    columns = {C_DLT_ID: C_DLT_ROOT_ID}
    config = {"propagation": {"tables": {table_name: columns}}}
    DataItemNormalizer.update_normalizer_config(source.schema, cast("Any", config))


def _replace(resource: DltResource) -> None:
    # a mapping that says the same would not be taken for it by dlt 1.31
    resource.apply_hints(write_disposition="replace")
