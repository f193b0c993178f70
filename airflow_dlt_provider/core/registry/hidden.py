"""Values that may be secrets, and do not show in a repr.

dlt's destination factories write all their arguments into their repr, passwords too (1.31.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HIDDEN = "***"


class HiddenText(str):
    """Text such as a connection string, which is shown as `'***'`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)


class HiddenDict(dict[str, Any]):
    """Fields such as credentials, of which only the names are shown."""

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, HIDDEN))


def hide(value: Any) -> Any:
    """Return *value* so that a repr shows nothing of it."""
    if isinstance(value, Mapping):
        return HiddenDict((key, hide(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value)(hide(item) for item in value)
    return HiddenText(value) if isinstance(value, str) else value
