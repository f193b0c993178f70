"""Windows of a resource that were loaded ahead of its cursor, in dlt's state of the resource."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping, Sequence
from datetime import datetime
from typing import Any

WINDOWS = "airflow_dlt_provider_windows"
"""Key in dlt's state of a resource: pairs of ISO 8601. It reaches the destination with the rows,
and travels with the cursor wherever that goes."""


def add_window(states: MutableMapping[str, Any], short_name: str, window: Sequence[str]) -> None:
    """Note that a window of a resource was loaded.

    Args:
        states: dlt's state of the resource, and of those that feed it, by short name.
        short_name: The name that the source gives to the resource.
        window: Both ends, as ISO 8601.
    """
    own = states.setdefault(short_name, {})
    own[WINDOWS] = _merged([*own.get(WINDOWS, ()), list(window)])


def _merged(windows: Iterable[list[str]]) -> list[list[str]]:
    """Return windows as few as possible, in order."""
    merged: list[list[str]] = []
    for start, end in sorted(windows, key=lambda window: datetime.fromisoformat(window[0])):
        if merged and datetime.fromisoformat(start) <= datetime.fromisoformat(merged[-1][1]):
            merged[-1][1] = max(merged[-1][1], end, key=datetime.fromisoformat)
        else:
            merged.append([start, end])
    return merged
