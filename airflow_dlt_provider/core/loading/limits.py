"""Limits that would lose rows.

What lies behind a limit comes with a later load, or never: a cursor that has moved past it does not
go back, and a window takes the place of all rows that were loaded there before.
"""

from __future__ import annotations

from collections.abc import Iterable

from airflow_dlt_provider.core.errors import PlanError
from airflow_dlt_provider.core.loading.selected import Selected
from airflow_dlt_provider.core.loading.window import BoundResources, Cursor, cursors_of
from airflow_dlt_provider.core.spec import LoadRequest


def refuse_lossy_limits(request: LoadRequest, selected: Selected, bound: BoundResources) -> None:
    """Refuse to load a resource whose rows behind its limit no later load would bring.

    Args:
        request: What to load.
        selected: Built afresh.
        bound: From where to where its cursors go.

    Raises:
        PlanError: There is such a resource.
    """
    for item in bound.loaded:
        limit = selected.limits.get(item.name)
        # dlt begins a replace anew each time (1.31)
        if limit is None or item.write_disposition == "replace":
            continue
        if request.window:
            reason = _WINDOW if item.name in bound.ranges else None
        else:
            reason = _reason(request, cursors_of(selected, item, {}))
        if reason:
            raise PlanError(
                f"resource {item.name!r} is not loaded with limit {limit}: {reason}. "
                "`airflow-dlt preview` shows rows without loading any"
            )


def _reason(request: LoadRequest, cursors: Iterable[Cursor]) -> str | None:
    for cursor in cursors:
        incremental = cursor.incremental
        if request.interval and incremental.allow_external_schedulers:
            return "the next run has another data interval, and would not bring the rows behind it"
        if incremental.end_value is None and incremental.row_order != "asc":
            return (
                f"its cursor {str(incremental.cursor_path)!r} would move, and rows behind the "
                "limit that lie before it would never be loaded. Leave the limit out; or, if the "
                "source gives its rows in the order of the cursor, say row_order: asc of its "
                "incremental"
            )
    return None


_WINDOW = (
    "the rows of a window take the place of those that are there, and those behind the limit would "
    "be gone. Leave the limit out, or the window"
)
