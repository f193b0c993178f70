"""What is unusual about a load that has finished, in sentences for whoever looks after the data.

Nothing here stops a load, and nothing asks the destination: a load is compared with what the state
store knows of those before.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlt.common.schema.typing import DLT_NAME_PREFIX

from airflow_dlt_provider.core.loading.result import ResourceLoad
from airflow_dlt_provider.core.state.records import LoadRecord, RecentLoad, ResourceState

FEW_ROWS = 0.5
MANY_ROWS = 3.0

_VARIANT = re.compile(r"(?P<column>.+)__v_(?P<type>[a-z]+)")
"""How dlt names the column of values that do not fit the type of theirs."""

log = logging.getLogger(__name__)


def with_warnings(
    loads: Iterable[ResourceLoad],
    records: Iterable[LoadRecord],
    states: Mapping[str, ResourceState],
) -> tuple[ResourceLoad, ...]:
    """Return *loads* with what is unusual about each, and log it.

    Args:
        loads: What was loaded.
        records: The record of each load, in the same order.
        states: What was known of the resources before.
    """
    found = []
    for load, record in zip(loads, records, strict=True):
        former = states.get(load.resource_name)
        warnings = [] if former is None else unusual(load, record, former)
        for warning in warnings:
            log.warning("Resource %s: %s", load.resource_name, warning)
        found.append(replace(load, warnings=warnings))
    return tuple(found)


def unusual(load: ResourceLoad, record: LoadRecord, former: ResourceState) -> list[str]:
    """Return what is unusual about a load, one sentence each.

    Args:
        load: What was loaded.
        record: Its record, with the states and the tables that it brought.
        former: What was known of the resource before.
    """
    # with a cursor, or a note of its own, a resource brings what is new, however much that is
    is_whole = load.kind == "load" and not any(record.states_after.values())
    return [
        *(row_anomaly(load, former.recent) if is_whole else ()),
        *schema_drift(former.tables, record.tables_after),
    ]


def row_anomaly(load: ResourceLoad, recent: Sequence[RecentLoad]) -> list[str]:
    """Say that a table got far fewer rows, or far more, than by the last ordinary load."""
    before = next(
        (item.root_rows for item in reversed(recent) if item.kind == "load" and item.root_rows),
        None,
    )
    if before is None or FEW_ROWS <= load.root_rows / before <= MANY_ROWS:
        return []
    percent = f"{100 * load.root_rows / before:.0f} %"
    rows = f"{load.root_rows:,} rows, {percent} of the {before:,} of the last ordinary load"
    return [f"table {load.table_name} got {rows}"]


def schema_drift(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Say which tables and columns are new.

    Args:
        before: Table -> its `columns`, as `ResourceState.tables`.
        after: The same, after the load.
    """
    if not any(_own_columns(table) for table in before.values()):
        # there was no load with rows to compare with
        return []
    found = []
    for name, table in after.items():
        if name not in before:
            found.append(f"table {name} is new")
            continue
        known = _own_columns(before[name])
        new = {key: column for key, column in _own_columns(table).items() if key not in known}
        variants = {
            key: match
            for key in new
            if (match := _VARIANT.fullmatch(key)) and match["column"] in known
        }
        if plain := [key for key in new if key not in variants]:
            found.append(f"table {name} has new columns: {', '.join(plain)}")
        found += [
            f"table {name} has values of another type in column {match['column']}; they are in "
            f"the new column {key}, as {match['type']}"
            for key, match in variants.items()
        ]
    return found


def _own_columns(table: Mapping[str, Any]) -> Mapping[str, Any]:
    columns: Mapping[str, Any] = table["columns"]
    return {name: item for name, item in columns.items() if not _is_of_dlt(name)}


def _is_of_dlt(column_name: str) -> bool:
    return column_name.lower().startswith(DLT_NAME_PREFIX)
