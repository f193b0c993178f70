"""A full refresh: what it means for the resources of a task, and what it must not do.

The cursor of a refreshed resource is taken away before its source runs, as for a reset. What
becomes of its rows is dlt's part: with `replace` the load is written as if the resource's write
disposition was `replace`; `drop_data` and `drop_resources` are dlt's own refresh modes, which empty
or drop tables when the load begins. A table without rows needs neither: its next load is its first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dlt.common.pipeline import ExtractInfo
from dlt.extract import DltResource, DltSource

from airflow_dlt_provider.core.errors import EmptyRefreshError, StateError
from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.loading.restore import Restored
from airflow_dlt_provider.core.planning.decompose import disposition_of
from airflow_dlt_provider.core.state.records import StateRequest

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
    with_rows: frozenset[str] = frozenset()
    """Those whose table holds rows, and that may not be emptied by a source without any."""

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
    drop = _drop_mode(refreshed, requests)
    held = {item.name for item in refreshed if _may_hold_rows(item, restored)}
    known = {item.name for item in refreshed if _is_known(item, restored)}
    for item in refreshed:
        if item.is_scd2 and item.name in held - known:
            raise StateError(
                f"table {item.table_name!r} of resource {item.name!r} keeps the history of its "
                "rows (scd2), and this task has never loaded it: it can neither be replaced nor "
                "emptied. Drop the table in the destination, then refresh"
            )
    return TaskRefresh(
        refreshed,
        drop,
        # dlt drops and empties only what the pipeline has loaded itself
        frozenset(held if drop is None else held - known),
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
                _keep_root_key(source)
            _replace(resource)


def refuse_empty(refresh: TaskRefresh, infos: Iterable[ExtractInfo]) -> None:
    """Stop a refresh that would only take rows away.

    Raises:
        EmptyRefreshError: A resource with rows in its table was extracted, and has no row any more.
    """
    extracted: dict[str, int] = {}
    for info in infos:
        for metrics in info.metrics.values():
            for metric in metrics:
                for name, resource in metric["resource_metrics"].items():
                    extracted[name] = extracted.get(name, 0) + resource.items_count
    empty = [
        item.name
        for item in refresh.resources
        if item.name in refresh.with_rows and not extracted.get(item.short_name)
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
    refreshed: Iterable[LoadedResource], requests: Mapping[str, StateRequest]
) -> DropMode | None:
    modes = {requests[item.name].mode for item in refreshed}
    if "drop_resources" in modes:
        return "drop_resources"
    # a replaced scd2 table has rows without validity, and of tables that rows name one by one,
    # those that no row names any more would stay as they are
    needs_drop = [item.name for item in refreshed if item.is_scd2 or item.is_dispatched]
    if needs_drop and modes == {"replace"}:
        log.info("Refreshed by drop_data, as replace does not fit: %s", ", ".join(needs_drop))
    return "drop_data" if needs_drop or "drop_data" in modes else None


def _is_known(item: LoadedResource, restored: Restored) -> bool:
    """Tell whether this pipeline has loaded the resource before."""
    schema = restored.pipeline.schemas.get(item.schema_name)
    tables = schema.data_tables(seen_data_only=True) if schema else []
    return any(table.get("resource") == item.short_name for table in tables)


def _may_hold_rows(item: LoadedResource, restored: Restored) -> bool:
    if restored.rows is None or item.is_dispatched:
        return True
    return restored.rows.has_rows(item.table_name)


def _keep_root_key(source: DltSource) -> None:
    """Let nested rows have the key of their root, which the table's next merge needs.

    Only where all that the source loads here is merged: dlt cannot add the key to a table that was
    loaded without it.
    """
    if all(disposition_of(item) == "merge" for item in source.selected_resources.values()):
        source.root_key = True


def _replace(resource: DltResource) -> None:
    # a mapping that says the same would not be taken for it by dlt 1.31
    resource.apply_hints(write_disposition="replace")
