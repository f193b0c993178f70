"""Destination against state store: which of the two says where a resource goes on.

The truth is the destination, where a cursor and the rows before it were loaded in one package. The
store knows what the destination cannot: under which pipeline a resource was loaded before its tasks
were grouped differently, and what a person has asked for since.

This is a pure function of what the two say; `core.loading.restore` asks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """Where a resource goes on from."""

    START = "nothing is known of it: it starts from the beginning"
    REFUSE = "nothing is known of it, and its table holds rows already"
    SEED = "it was loaded by another task of this pipeline: its cursor comes from the state store"
    START_OVER = (
        "the destination does not hold what the state store remembers, as if it was dropped or "
        "restored: the destination counts"
    )
    IN_SYNC = "destination and state store agree"
    HEAL = "the destination is ahead of the state store: the store learns from it"
    REQUEST = "a person asked for another cursor"
    FROM_STORE = "the destination keeps no state: the cursor comes from the state store"


@dataclass(frozen=True)
class DestinationFacts:
    """What the destination says of a resource."""

    keeps_state: bool
    state_version: int | None
    """Version of the state under this task's pipeline name; `None` without one."""
    holds_last_load: bool = False
    """Whether it holds the load that the store remembers as the last."""
    holds_foreign_rows: bool = False
    """Whether a table to which the resource appends holds rows that nobody knows a cursor for."""


@dataclass(frozen=True)
class StoreFacts:
    """What the state store says of a resource."""

    state_version: int
    is_same_pipeline: bool
    """Whether the last load was made under this task's pipeline name."""


def reconcile(
    destination: DestinationFacts, store: StoreFacts | None, *, is_requested: bool = False
) -> Verdict:
    """Decide where a resource goes on from.

    Args:
        destination: What the destination says.
        store: What the store says; `None` when it knows nothing of the resource.
        is_requested: Whether a person's request has not been carried out yet.
    """
    if is_requested:
        return Verdict.REQUEST
    if not destination.keeps_state:
        return Verdict.FROM_STORE if store else Verdict.START
    if store is None:
        return _without_store(destination)
    if not store.is_same_pipeline or destination.state_version is None:
        return Verdict.SEED if destination.holds_last_load else Verdict.START_OVER
    if destination.state_version == store.state_version:
        return Verdict.IN_SYNC
    is_newer = destination.state_version > store.state_version
    return Verdict.HEAL if is_newer else Verdict.START_OVER


def _without_store(destination: DestinationFacts) -> Verdict:
    if destination.state_version is not None:
        return Verdict.HEAL
    return Verdict.REFUSE if destination.holds_foreign_rows else Verdict.START
