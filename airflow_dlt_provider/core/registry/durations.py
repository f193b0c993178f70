"""Lengths of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

DAYS = {"s": 1 / 86_400, "m": 1 / 1_440, "h": 1 / 24, "d": 1, "w": 7}

_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", re.IGNORECASE)


def parse_duration(value: Any) -> timedelta:
    """Return a length of time: seconds, or text such as `30s`, `5m`, `2h`, `1d`, `1w`.

    Raises:
        ValueError: It is none, or not above 0.
    """
    if isinstance(value, timedelta):
        return value
    match = _TEXT.fullmatch(value) if isinstance(value, str) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        duration = (
            timedelta(days=float(match[1]) * DAYS[match[2].lower()])
            if match
            else timedelta(seconds=value if is_number else 0)
        )
    except (OverflowError, ValueError):
        duration = timedelta()
    if duration <= timedelta():
        raise ValueError(
            f"is {value!r:.60}; expected: seconds, or text such as 30s, 5m, 2h, 1d, 1w"
        )
    return duration
