"""Loads that begin some days before the cursor, for rows that a source changes or adds late."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.loading.selected import Selected
from airflow_dlt_provider.core.loading.window import Cursor, cursors_of
from airflow_dlt_provider.core.spec import LoadRequest

log = logging.getLogger(__name__)


def look_back(
    request: LoadRequest,
    selected: Selected,
    states: Mapping[str, dict[str, Any]],
    requested: Collection[str],
) -> None:
    """Have an ordinary load begin `lookback_days` before each cursor that is a date.

    A longer lag of the source's own stays. Resources that append are left alone, and so are those
    that share a cursor with one: their rows would be there twice.

    Args:
        request: What to load.
        selected: Built afresh; its cursors are changed in place.
        states: Resource -> dlt's state of it and of those that feed it, by short name.
        requested: Resources whose cursor somebody has asked for, which begin there.
    """
    days = request.source.options.lookback_days
    if not days:
        return
    for cursor, users in _users_by_cursor(request, selected, states):
        doubled = [item.name for item in users if item.appends is not False]
        if doubled:
            log.warning(
                "lookback_days: %s would load rows of %d days again, which %s does not merge by a "
                "key; it goes on from its cursor",
                ", ".join(item.name for item in users),
                days,
                " and ".join(doubled),
            )
        elif not any(item.name in requested for item in users):
            cursor.incremental.lag = max(cursor.incremental.lag or 0, cursor.type.lag(days))


def _users_by_cursor(
    request: LoadRequest, selected: Selected, states: Mapping[str, dict[str, Any]]
) -> list[tuple[Cursor, list[LoadedResource]]]:
    """Return the cursors that can be put back, each with the resources that are loaded by it."""
    found: dict[tuple[str, str], tuple[Cursor, list[LoadedResource]]] = {}
    for item in selected.loaded:
        for cursor in cursors_of(selected, item, states[item.name]):
            if cursor.type.reason is None and not cursor.keeps_no_state(request):
                key = (item.schema_name, str(cursor.resource.name))
                found.setdefault(key, (cursor, []))[1].append(item)
    return list(found.values())
