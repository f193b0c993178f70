"""What one look at a project found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["pass", "warn", "fail"]
Category = Literal["Config", "Sources", "Dependencies", "Database", "General"]

CATEGORIES: tuple[Category, ...] = ("Config", "Sources", "Dependencies", "Database", "General")
"""In the order in which they are shown."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    category: Category
    subject: str
    """What was looked at: a source, or a file."""
    status: Status
    message: str
    """One line."""
    advice: str = ""
    """What to do, where it takes more than the message says; may have several lines."""

    def as_document(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def is_valid(checks: Iterable[Check], *, strict: bool = False) -> bool:
    """Tell whether nothing failed, and with *strict* whether there is nothing to warn of."""
    refused = ("fail", "warn") if strict else ("fail",)
    return not any(check.status in refused for check in checks)
