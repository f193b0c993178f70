"""Where a task goes on from: its state in the destination, and what the state store adds."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from dlt.pipeline.pipeline import Pipeline
from dlt.pipeline.state_sync import mark_state_extracted, migrate_state_to_current

from airflow_dlt_provider.core.errors import ForeignRowsError, StateError
from airflow_dlt_provider.core.loading.outcome import LoadedResource, states_of
from airflow_dlt_provider.core.loading.rows.contract import StoredRows
from airflow_dlt_provider.core.state.reconcile import (
    DestinationFacts,
    StoreFacts,
    Verdict,
    reconcile,
)
from airflow_dlt_provider.core.state.records import ResourceState, StateRequest

APPLIED_REQUESTS = "airflow_dlt_provider_applied_requests"
"""Key in a pipeline's state: resource -> the last request of a person that was carried out. It
reaches the destination with the rows, so that no request is carried out again, whatever becomes of
the state store."""

REFRESHES = "airflow_dlt_provider_refreshes"
"""Key in a pipeline's state: resource -> the last full refreshes that were done, by request. A run
keeps its conf when it is cleared, however long ago it was."""

KEPT_REFRESHES = 50

log = logging.getLogger(__name__)


@dataclass
class StartingPoint:
    """Where one resource goes on from."""

    loaded: LoadedResource
    verdict: Verdict
    states: dict[str, Any] | None = None
    """The dlt states to go on from; `None` leaves those that the destination holds."""
    request: StateRequest | None = None
    """What a person or a run asked for, with all that is needed to do it again."""
    is_own_request: bool = False
    """Whether it was asked of this resource, not of one that it shares a cursor with."""
    voided_request_id: str | None = None
    """What a person asked, and has come to nothing by a full refresh."""


def restore_state(
    pipeline: Pipeline, rows: StoredRows | None, states: Mapping[str, ResourceState]
) -> int | None:
    """Restore *pipeline* from the destination and return the version of the restored state.

    dlt restores the load with the highest load id, a time. Where the store does not confirm it, the
    highest version counts: the clock of a worker may have been behind.

    Returns:
        The version; `None` when the destination holds no state of this pipeline.
    """
    pipeline.sync_destination()
    version = None if pipeline.first_run else int(pipeline.state["_state_version"])
    known = [item for item in states.values() if item.task_pipeline == pipeline.pipeline_name]
    if version is None or rows is None or version in {item.state_version for item in known}:
        return version
    load_ids = {load_id for item in known for load_id in item.load_ids}
    newest = rows.newest_state(pipeline.pipeline_name, load_ids)
    if newest is None or int(newest["_state_version"]) <= version:
        return version
    log.warning(
        "The last load was made by a clock that was behind; state version %s counts, not %s",
        newest["_state_version"],
        version,
    )
    restored = migrate_state_to_current(pipeline.pipeline_name, dict(newest))
    with pipeline.managed_state() as state:
        # all but what is this machine's own
        state.update({**restored, "_local": state["_local"]})
        state["sources"] = restored.get("sources", {})
        mark_state_extracted(state, newest["_version_hash"])
    return int(newest["_state_version"])


@dataclass(frozen=True)
class Restored:
    """A task's pipeline after it was restored."""

    pipeline: Pipeline
    base_name: str
    """The name that the pipelines of all tasks share."""
    version: int | None
    """Version of the state that the destination holds; `None` without one."""
    rows: StoredRows | None
    """The destination's rows; `None` where they cannot be found by their load."""
    keeps_state: bool
    """Whether the destination can hold a state at all."""


def starting_point(
    loaded: LoadedResource, state: ResourceState | None, restored: Restored, *, is_shared: bool
) -> StartingPoint:
    """Decide where a resource goes on from that no person asked anything of.

    Args:
        loaded: The resource.
        state: What the store knows of it.
        restored: What the destination knows.
        is_shared: Whether other tasks write its table too.

    Raises:
        ForeignRowsError: It would append to rows that nobody knows a cursor for.
    """
    if state and not state.load_ids and not state.states:
        # a load of nothing is nothing to go on from
        state = None
    verdict = reconcile(
        DestinationFacts(
            keeps_state=restored.keeps_state,
            state_version=restored.version,
            holds_last_load=state is not None and _holds_last_load(state, restored),
            holds_foreign_rows=state is None
            and not is_shared
            and _holds_foreign_rows(loaded, restored),
        ),
        StoreFacts(state.state_version, state.task_pipeline == restored.pipeline.pipeline_name)
        if state
        else None,
    )
    if verdict is Verdict.REFUSE:
        raise ForeignRowsError(loaded.name, loaded.table_name, restored.base_name)
    if verdict not in (Verdict.START, Verdict.IN_SYNC):
        level = logging.WARNING if verdict is Verdict.START_OVER else logging.INFO
        log.log(level, "Resource %s: %s", loaded.name, verdict.value)
    if state is None or verdict not in (Verdict.SEED, Verdict.FROM_STORE):
        return StartingPoint(loaded, verdict)
    return StartingPoint(loaded, verdict, deepcopy(state.states))


def _holds_last_load(state: ResourceState, restored: Restored) -> bool:
    """Tell whether the load that the store remembers is there; asked only where it matters."""
    is_own = state.task_pipeline == restored.pipeline.pipeline_name
    if restored.rows is None or not state.load_ids or (is_own and restored.version is not None):
        return False
    return restored.rows.finished_loads(state.load_ids) == set(state.load_ids)


def _holds_foreign_rows(loaded: LoadedResource, restored: Restored) -> bool:
    is_first = restored.version is None and restored.rows is not None
    if not is_first or loaded.write_disposition != "append" or restored.rows is None:
        return False
    return restored.rows.has_rows(loaded.table_name)


def install_states(pipeline: Pipeline, points: Sequence[StartingPoint]) -> None:
    """Put the states of *points* in place of those that were restored.

    Raises:
        StateError: Two of them say different things of a resource that feeds both.
    """
    if all(point.states is None for point in points):
        return
    wanted = _wanted_states(pipeline, points)
    with pipeline.managed_state() as managed:
        state = cast("dict[str, Any]", managed)
        sources = state.setdefault("sources", {})
        for point in points:
            _note_request(state, point)
        for (schema_name, resource_name), value in wanted.items():
            resources = sources.setdefault(schema_name, {}).setdefault("resources", {})
            if value is None:
                resources.pop(resource_name, None)
            else:
                resources[resource_name] = value


def _note_request(state: dict[str, Any], point: StartingPoint) -> None:
    """Note in a pipeline's state what the load of a resource carries out."""
    name, request = point.loaded.name, point.request
    applied = request.request_id if request and point.is_own_request else point.voided_request_id
    if applied:
        state.setdefault(APPLIED_REQUESTS, {})[name] = applied
    if request and request.kind == "refresh":
        done = state.setdefault(REFRESHES, {})
        done[name] = [*done.get(name, ()), request.request_id][-KEPT_REFRESHES:]


def _wanted_states(
    pipeline: Pipeline, points: Sequence[StartingPoint]
) -> dict[tuple[str, str], Any]:
    wanted: dict[tuple[str, str], Any] = {}
    requested: set[tuple[str, str]] = set()
    # a resource that is new goes on from where those that share its cursor do; what a person asks
    # of a cursor holds for all that share it
    deciding = [point for point in points if point.verdict is not Verdict.START]
    for point in sorted(deciding, key=lambda point: point.verdict is not Verdict.REQUEST):
        restored = point.states is None
        states = states_of(pipeline, point.loaded) if restored else point.states or {}
        for name in point.loaded.state_names:
            key = (point.loaded.schema_name, name)
            value = states.get(name)
            if point.verdict is Verdict.REQUEST:
                requested.add(key)
            elif key in requested:
                continue
            if key in wanted and comparable(wanted[key]) != comparable(value):
                raise StateError(
                    f"resource {name!r} feeds several resources of this task, and they were "
                    "loaded up to different cursors of it; a cursor for all of them would skip "
                    "rows or double them. Load them in tasks of their own as before "
                    '(decompose="resource"), or reset them'
                )
            wanted[key] = value
    return wanted


def comparable(value: Any) -> Any:
    """Return a state in a form that equals another which means the same."""
    if isinstance(value, Mapping):
        # where the last load began tells nothing of the next
        kept = value.keys() - ({"start_value"} if "last_value" in value else set())
        return {key: comparable(value[key]) for key in kept}
    # hashes of the rows at the cursor are kept in any order
    return sorted(value, key=repr) if isinstance(value, list) else value
