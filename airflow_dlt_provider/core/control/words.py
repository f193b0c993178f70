"""How messages tell a person to name what is missing: on a command line, or on a page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """How a person is told to name what is missing, where they ask."""

    name_cursor: str = "name one of them"
    name_type: str = "name the type of its value"
    type_says: str = "its type says"
    ledger: str = "the ledger"
