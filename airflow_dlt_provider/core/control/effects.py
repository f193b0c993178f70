"""What becomes of the rows of a resource that goes on from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_dlt_provider.core.control.documents import plain
from airflow_dlt_provider.core.state.records import ResourceState

SET = {
    "append": "rows that are loaded again are added beside those that are there, so that they are "
    "there twice",
    "merge": "rows that are loaded again take the place of those with the same key, and none is "
    "there twice",
    "replace": "the next load writes the table anew: it then holds the rows from this cursor on, "
    "and no others",
    "scd2": "rows that the next load does not bring count as gone, and their validity ends",
}
"""Write disposition -> what a cursor of another value means for the rows."""

RESET = {
    "append": "the table keeps its rows, and all are loaded again beside them: they are there "
    "twice. A full refresh replaces them",
    "merge": "all rows are loaded again, and take the place of those with the same key",
    "replace": "the table is written anew, as by every load",
    "scd2": "all rows are loaded again, and those that have changed get a new version",
}
"""Write disposition -> what a start from the beginning means for the rows."""

BACK = {
    "merge": "no rows are removed: what is loaded again takes the place of rows with the same key",
    "replace": "no rows are removed: the next load writes the table anew",
    "scd2": "no rows are removed: rows that differ from those that are loaded again get a new "
    "version",
}
"""Write disposition -> what going back means for rows that a load does not append."""

WINDOWS_STAY = (
    "rows of windows that were backfilled since then stay, and what is loaded again takes their "
    "place"
)

UNKNOWN_RESET = "a table that it appends to keeps its rows, and all are loaded again beside them"


def way_of_writing(disposition: str | None, state: ResourceState | None) -> str | None:
    """Return `append`, `merge`, `replace` or `scd2`, or `None` where nobody knows.

    Args:
        disposition: The write disposition that was planned.
        state: What is known of the resource after its last load.
    """
    if disposition == "merge" and state and state.tables:
        root = next(iter(state.tables.values()))
        # dlt appends what it cannot merge by a key
        if not any(column["key"] for column in root["columns"].values()):
            return "append"
    return disposition if disposition in SET else None


def rows_after_set(writing: str | None) -> tuple[str, ...]:
    """Say what a cursor of another value means for the rows."""
    again = "a lower value than now loads rows again, a higher one leaves out those in between"
    return (again, SET[writing]) if writing else (again,)


def cursors_that_stay(others: Sequence[tuple[str, str, Any]]) -> tuple[str, ...]:
    """Say that other cursors of a resource, or of what feeds it, hold rows back as before.

    Args:
        others: Owner, path and last value of each.
    """
    if not others:
        return ()
    told = ", ".join(f"{path} of {owner} = {plain(value)}" for owner, path, value in others)
    return (f"other cursors stay as they are, and only what passes them too is loaded: {told}",)


def rows_after_reset(writing: str | None) -> str:
    """Say what a start from the beginning means for the rows."""
    return RESET[writing] if writing else UNKNOWN_RESET


def rows_after_going_back(writing: str | None, removed: str) -> str:
    """Say what going back means for the rows.

    Args:
        writing: As `way_of_writing` says.
        removed: What is removed of a table that the resource appends to; empty for nothing.
    """
    if writing in BACK:
        return BACK[writing]
    if not removed:
        return "no rows are removed, as these loads appended none"
    return removed if writing else f"if it appends, {removed}"
