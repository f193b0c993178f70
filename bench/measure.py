"""What a case is asked for, and what its variants took."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench.report import Row

NOTE_CHARACTERS = 160

Item = TypeVar("Item")


@dataclass(frozen=True)
class Options:
    """What the command line asks of a case."""

    folder: Path
    """An empty folder for everything that the case writes."""
    repeat: int = 5
    is_quick: bool = False
    """Run what takes minutes once only."""
    destinations: tuple[str, ...] = ("postgres", "duckdb")
    rows: int | None = None
    """Rows of large tables; default: what the case says."""
    pages: int | None = None
    """Pages of each resource of the slow API; default: what the case says."""
    tables: int | None = None
    """Number of small tables; default: what the case says."""
    variants: tuple[str, ...] = ()
    """Parts of the names of those to run; empty: all."""
    postgres: str = ""
    """Address of the PostgreSQL server of this run."""

    def wants(self, variant: str) -> bool:
        """Tell whether a variant is to be run."""
        return not self.variants or any(part in variant for part in self.variants)


@dataclass
class Samples:
    """Variant -> what its repeats took, in the order in which variants came first."""

    values: dict[str, list[float]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, variant: str, value: float) -> None:
        """Keep a value."""
        self.values.setdefault(variant, []).append(value)

    def fail(self, variant: str, reason: str) -> None:
        """Keep the reason for which a variant has no value."""
        self.values.setdefault(variant, [])
        line = " ".join(reason.replace("|", "/").split())
        self.notes[variant] = f"failed: {line[:NOTE_CHARACTERS]}"

    def has_failed(self, variant: str) -> bool:
        """Tell whether a variant has failed before; it would fail again."""
        return self.notes.get(variant, "").startswith("failed")

    def rows(self) -> tuple[Row, ...]:
        """Return the rows of a table."""
        return tuple(
            Row(name, tuple(values), self.notes.get(name, ""))
            for name, values in self.values.items()
        )


def rotated(items: Mapping[str, Item], by: int) -> dict[str, Item]:
    """Return the items in the same order from another one on, so that none is always the first."""
    names = list(items)
    start = by % len(names) if names else 0
    return {name: items[name] for name in [*names[start:], *names[:start]]}


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def say(line: str) -> None:
    """Tell whoever waits how far the run is."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
