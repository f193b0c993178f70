"""Loads of a window: the part of a resource between two values of its cursor.

A window is loaded by giving the resource's incremental both ends, for which dlt keeps no state: the
live cursor stays where it is, and the configured `initial_value` does not cut the window off. A
source's function that takes dates is given them too (`window_arguments`). Rows that are merged by
key take the place of the older ones by themselves. Of rows that are appended, those that lie in the
window and were loaded before are removed once the load has finished: readers see a row twice for a
moment, and none is missing whatever is cut off.

A window may reach beyond the live cursor. What was loaded there is noted in dlt's state of the
resource, and the ordinary load that comes to it takes its place in the same way.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dlt.extract import DltResource
from dlt.extract.incremental import Incremental

from airflow_dlt_provider.core.loading.cursors import (
    CursorType,
    incremental_of,
    without_scheduler,
)
from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.loading.rows.contract import RowRange
from airflow_dlt_provider.core.loading.selected import Selected
from airflow_dlt_provider.core.spec import LoadRequest, Window
from airflow_dlt_provider.core.state.windows import WINDOWS

States = dict[str, Any]

UNTOLD = "rows of the window that are there already could not be told from others"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BoundResources:
    """What is loaded, once it is known from where to where each cursor goes."""

    loaded: tuple[LoadedResource, ...]
    skipped: dict[str, str] = field(default_factory=dict)
    """Resource -> why it has no part in a window."""
    ranges: dict[str, RowRange] = field(default_factory=dict)
    """Resource -> the older rows whose place the load takes."""


def bind_window(
    selected: Selected,
    states: Mapping[str, States],
    window: Window,
    shared_tables: Iterable[str],
) -> BoundResources:
    """Give the incrementals of resources both ends of a window.

    Args:
        selected: Built afresh; its resources are bound in place.
        states: Resource -> dlt's state of it and of those that feed it, by short name.
        window: What to load.
        shared_tables: Root tables that others write too.
    """
    skipped: dict[str, str] = {}
    ranges: dict[str, RowRange] = {}
    bound: list[Cursor] = []
    for item in selected.loaded:
        cursors = cursors_of(selected, item, states[item.name])
        reason = _why_not(item, cursors, selected, shared_tables)
        ends = [(c.type.value(window.start), c.type.value(window.end)) for c in cursors]
        if not reason and ends and all(start == end for start, end in ends):
            reason = "the window holds no whole day, which is the unit of its cursor"
        if reason:
            skipped[item.name] = reason
            continue
        bound += cursors
        if item.appends:
            ranges[item.name] = _superseded(cursors[0], *ends[0])
    for cursor in bound:
        _bind(cursor, window)
    kept = tuple(item for item in selected.loaded if item.name not in skipped)
    for name, reason in skipped.items():
        log.warning("Resource %s has no part in the window: %s", name, reason)
    return BoundResources(kept, skipped, ranges)


def windows_ahead(
    selected: Selected, item: LoadedResource, states: States, request: LoadRequest
) -> RowRange | None:
    """Return the rows that were loaded by windows, and that an ordinary load comes to.

    Windows that the cursor has passed are forgotten. Where one lies ahead, the load also extracts
    the rows at the cursor again, all of which it takes the place of.

    Args:
        selected: Built afresh.
        item: One of its resources.
        states: dlt's state of it and of those that feed it, by short name; changed in place.
        request: What to load.

    Returns:
        Where they begin and end is not known before the load's own rows are.
    """
    own = states.get(item.short_name, {})
    if not own.get(WINDOWS):
        return None
    cursor = next(iter(cursors_of(selected, item, states)), None)
    if cursor is None or cursor.reason or cursor.keeps_no_state(request):
        return None
    state = own.get("incremental", {}).get(cursor.incremental.cursor_path, {})
    last = state.get("last_value")
    own[WINDOWS] = [
        pair
        for pair in own[WINDOWS]
        if last is None or cursor.type.value(datetime.fromisoformat(pair[1])) > last
    ]
    if not own[WINDOWS]:
        own.pop(WINDOWS)
        return None
    if reason := _why_rows_are_not_told(item, [cursor], selected, request.shared_tables):
        log.warning(
            "Resource %s comes to rows that a backfill has loaded, which may now be there twice: "
            "%s",
            item.name,
            reason,
        )
        return None
    if state:
        state["unique_hashes"] = []
    return RowRange(cursor.incremental.cursor_path, None, None, is_end_open=False)


@dataclass(frozen=True)
class Cursor:
    """One cursor of a resource, its own or that of a resource which feeds it."""

    resource: DltResource
    incremental: Incremental[Any]
    type: CursorType
    is_own: bool

    def keeps_no_state(self, request: LoadRequest) -> bool:
        """Tell whether an ordinary load has ends of its own, for which dlt keeps no state."""
        is_scheduled = request.interval and self.incremental.allow_external_schedulers
        return bool(is_scheduled) or self.incremental.end_value is not None

    @property
    def reason(self) -> str | None:
        """Why it can take no window; `None` if it can."""
        if self.incremental.last_value_func is not max:
            return "its cursor does not go up"
        return self.type.reason


def cursors_of(selected: Selected, item: LoadedResource, states: States) -> list[Cursor]:
    """Return the cursors of a resource and of those that feed it, its own first."""
    source = next(source for source in selected.sources if source.name == item.schema_name)
    resources = {resource.name: resource for resource in source.resources.extracted}
    found = []
    for name in item.state_names:
        # a source need not list what feeds its resources
        resource = resources.get(name)
        incremental = incremental_of(resource) if resource else None
        if resource is None or incremental is None:
            continue
        path = incremental.cursor_path
        known = states.get(name, {}).get("incremental", {}).get(path, {}).get("last_value")
        cursor_type = CursorType(incremental, known, _column_type(resource, path))
        found.append(Cursor(resource, incremental, cursor_type, name == item.short_name))
    return found


def _why_not(
    item: LoadedResource,
    cursors: Sequence[Cursor],
    selected: Selected,
    shared_tables: Iterable[str],
) -> str | None:
    """Say why a resource has no part in any window; `None` if it has."""
    if item.write_disposition == "replace":
        part = ", of which the window is a part" if selected.takes_window else ""
        return f"each of its loads brings the whole table{part}"
    if item.is_scd2:
        return "a part of its rows would end the history of all others (scd2)"
    if selected.takes_window and not cursors:
        # what the source was told to bring takes the place of older rows by its key
        return None if item.appends is False else f"it appends, and has no cursor: {UNTOLD}"
    reasons = [cursor.reason for cursor in cursors if cursor.reason]
    if reasons or not cursors:
        return next(iter(reasons), "it has no cursor")
    return _why_rows_are_not_told(item, cursors, selected, shared_tables)


def _why_rows_are_not_told(
    item: LoadedResource,
    cursors: Sequence[Cursor],
    selected: Selected,
    shared_tables: Iterable[str],
) -> str | None:
    """Say why rows of a window, once there, cannot be told from others; `None` if they can."""
    fed = [other.name for other in selected.loaded if item.short_name in other.fed_by]
    reasons = {
        "its rows name their table, or how they are written": item.appends is None
        or item.is_dispatched,
        "a resource that feeds it has a cursor too": len(cursors) > 1 or not cursors[0].is_own,
        f"{', '.join(fed)} would get its last rows twice": bool(fed),
        f"others write table {item.table_name!r} too": item.table_name
        in _shared(selected, shared_tables),
        "its cursor is text with an offset from UTC": cursors[0].type.has_offset,
    }
    # where a key merges rows, it tells them
    found = [] if item.appends is False else [reason for reason, holds in reasons.items() if holds]
    return f"it appends, and {found[0]}: {UNTOLD}" if found else None


def _shared(selected: Selected, shared_tables: Iterable[str]) -> set[str]:
    tables = Counter(item.table_name for item in selected.loaded)
    return {*shared_tables, *(name for name, writers in tables.items() if writers > 1)}


def _superseded(cursor: Cursor, start: Any, end: Any) -> RowRange:
    """Return the rows of a window that were there before."""
    path = cursor.incremental.cursor_path
    if isinstance(start, str):
        # text is compared as text, and its column may hold points in time: what the new rows
        # span is the same for both
        return RowRange(path, None, None, is_end_open=False)
    return RowRange(path, start, end)


def _bind(cursor: Cursor, window: Window) -> None:
    incremental = cursor.incremental
    incremental.initial_value = cursor.type.value(window.start)
    incremental.end_value = cursor.type.value(window.end)
    incremental.lag = None
    incremental.range_start, incremental.range_end = "closed", "open"
    if incremental.on_cursor_value_missing == "include":
        # rows without a cursor are in no window, and would come with each
        incremental.on_cursor_value_missing = "exclude"
    # dlt would put another scheduler's interval in place of the window
    without_scheduler(cursor.resource)


def _column_type(resource: DltResource, path: str) -> str | None:
    try:
        columns = resource.compute_table_schema()["columns"]
    except Exception:
        # hints of some resources are only known row by row
        return None
    return columns.get(path, {}).get("data_type")
