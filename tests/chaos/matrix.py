"""The matrix of cases: what is loaded, where to, and where the load is cut off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from airflow_dlt_provider.core.spec import REFRESH_MODES, RefreshMode
from tests.chaos import kill


@dataclass(frozen=True)
class Kind:
    """What kind of resource is loaded."""

    disposition: str
    shape: str
    has_cursor: bool = True

    @property
    def name(self) -> str:
        # what replaces its table extracts all rows
        is_told = self.disposition == "append" and not self.has_cursor
        return f"{self.disposition}-{self.shape}{'-no_cursor' if is_told else ''}"


KINDS = (
    Kind("append", "flat"),
    Kind("append", "nested"),
    Kind("append", "arrow"),
    Kind("append", "flat", has_cursor=False),
    Kind("append", "nested", has_cursor=False),
    Kind("merge", "flat"),
    Kind("merge", "nested"),
    Kind("replace", "flat", has_cursor=False),
    Kind("replace", "nested", has_cursor=False),
)
WITH_ALL_POINTS = (KINDS[1], KINDS[6], KINDS[8])
MAIN_POINTS = (
    "in extract",
    "extracted",
    "after begin",
    "parent only",
    "all rows",
    "ledger not told",
)
DESTINATIONS = ("duckdb", "postgres", "filesystem")


@dataclass(frozen=True)
class Case:
    """One way in which a load is cut off."""

    destination: str
    kind: Kind
    point: str
    is_folder_lost: bool
    is_first: bool
    """Whether the load that is killed is the first of all."""
    refresh_mode: RefreshMode | None = None
    """How the run that is killed refreshes the table, if it does."""
    is_retried: bool = True
    """Whether the run is tried again, or left to the next one."""

    @property
    def name(self) -> str:
        parts = (
            self.destination,
            self.kind.name,
            "first" if self.is_first else "later",
            self.point.replace(",", "").replace(" ", "_"),
            "lost" if self.is_folder_lost else "kept",
            *([f"refresh_by_{self.refresh_mode}"] if self.refresh_mode else []),
            *([] if self.is_retried else ["not_retried"]),
        )
        return "-".join(parts)


def all_cases(destinations: tuple[str, ...] = DESTINATIONS) -> Iterator[Case]:
    """Return the matrix."""
    for destination, kind, is_first in product(destinations, KINDS, (False, True)):
        for point, is_folder_lost in product(kill.POINTS, (False, True)):
            if _exists(destination, kind, point, is_first=is_first):
                yield Case(destination, kind, point, is_folder_lost, is_first)
    yield from _refresh_cases(destinations)


def _refresh_cases(destinations: tuple[str, ...]) -> Iterator[Case]:
    """Return the cases of full refreshes, which are retried, or left to the next run."""
    for destination, kind, mode in product(destinations, WITH_ALL_POINTS, REFRESH_MODES):
        for point in MAIN_POINTS:
            if not _exists(destination, kind, point, is_first=False):
                continue
            for is_folder_lost in (False, True):
                yield Case(destination, kind, point, is_folder_lost, False, mode)
            # a run that never began to load leaves nothing to be done
            if point not in ("in extract", "extracted"):
                yield Case(destination, kind, point, True, False, mode, is_retried=False)


def usual_cases(destinations: tuple[str, ...] = DESTINATIONS) -> Iterator[Case]:
    """Return the part of the matrix that `make chaos` runs.

    Nested tables of every disposition are cut off at every point. Other kinds of resources differ
    from them at the main points alone, and a first load from a later one only without its folder.
    """
    for case in all_cases(destinations):
        if case.refresh_mode:
            is_usual = case.is_folder_lost
        elif case.kind in WITH_ALL_POINTS:
            is_usual = case.is_folder_lost or not case.is_first
        else:
            is_usual = not case.is_first and case.point in MAIN_POINTS
        if is_usual:
            yield case


def _exists(destination: str, kind: Kind, point: str, *, is_first: bool) -> bool:
    is_files = destination == "filesystem"
    if kind.disposition == "merge" and is_files:
        return False
    if point.startswith("children") and kind.shape != "nested":
        return False
    if point.startswith("merged"):
        return kind.disposition == "merge"
    if point == "state file":
        return is_files
    if point == "state only":
        # files: dlt writes the state at the end; without a cursor it changes with the first load
        return not is_files and (kind.has_cursor or is_first)
    return True


def short_cases(destinations: Iterable[str] = DESTINATIONS) -> list[Case]:
    """Return a few cases of every kind, for each change of the code."""
    return [case for case in all_cases(tuple(destinations)) if case.name in SHORT]


SHORT = frozenset(
    (
        "duckdb-append-nested-later-in_extract-kept",
        "duckdb-append-nested-later-after_begin-lost",
        "duckdb-append-nested-later-state_only-lost",
        "duckdb-append-nested-later-parent_only-kept",
        "duckdb-append-nested-later-children_only_noted-kept",
        "duckdb-append-nested-later-ledger_not_told-kept",
        "duckdb-append-nested-first-children_only-lost",
        "duckdb-append-arrow-later-parent_only-lost",
        "duckdb-append-flat-no_cursor-later-all_rows-lost",
        "duckdb-merge-nested-later-merged_noted-kept",
        "duckdb-replace-nested-later-parent_only-lost",
        "duckdb-append-nested-later-parent_only-kept-refresh_by_replace",
        "duckdb-append-nested-later-all_rows-lost-refresh_by_drop_data",
        "duckdb-append-nested-later-parent_only-lost-refresh_by_replace-not_retried",
        "duckdb-merge-nested-later-after_begin-lost-refresh_by_drop_resources-not_retried",
        "postgres-append-nested-later-parent_only-kept",
        "postgres-append-nested-later-dlt_done-lost",
        "postgres-merge-nested-later-merged-lost",
        "filesystem-append-nested-later-parent_only-lost",
        "filesystem-append-nested-later-state_file-lost",
        "filesystem-replace-nested-later-children_only-lost",
    )
)
