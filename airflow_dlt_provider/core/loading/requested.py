"""What a person asked for, found for the resources of a task and turned into starting points."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.loading.restore import StartingPoint
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.reconcile import Verdict
from airflow_dlt_provider.core.state.records import LoadRecord, ResourceState, StateRequest
from airflow_dlt_provider.core.state.requests import (
    first_load_of_run,
    replaced_records,
    requested_states,
)
from airflow_dlt_provider.core.state.store import StateStore

ALL_KEPT = 10_000
"""More loads than any store keeps of one resource."""

log = logging.getLogger(__name__)


def open_requests(
    request: LoadRequest,
    loaded: Sequence[LoadedResource],
    states: Mapping[str, ResourceState],
    store: StateStore,
) -> dict[str, StateRequest]:
    """Return resource name -> the request that this load carries out.

    Resources of one task that are fed by one resource share its cursor: they go back together.
    """
    names = [item.name for item in loaded]
    asked = store.pending_requests(request.pipeline_name, dict(states), names)
    if request.replay_run_id:
        asked |= _replays(request, names, store)
    together = {
        other.name: item
        for item in loaded
        if item.name in asked and asked[item.name].kind != "set"
        for other in loaded
        if other.name not in asked and _share_a_cursor(item, other)
    }
    for name, leader in together.items():
        asked[name] = _as_asked_of(name, asked[leader.name], store)
    return asked


def requested_point(
    loaded: LoadedResource,
    request: StateRequest,
    states: Mapping[str, Any],
    store: StateStore,
    cursor_paths: Sequence[str],
) -> StartingPoint:
    """Return where a resource goes on from as *request* asks.

    Args:
        loaded: The resource.
        request: What a person asked for.
        states: dlt's state of the resource, and of those that feed it, as it was restored.
        store: Holds the ledger.
        cursor_paths: Cursors that the resource declares.

    Raises:
        StateError: The request does not fit the state.
    """
    records = _records(request, store) if request.kind in ("rewind", "replay") else []
    log.warning("Resource %s: %s, asked by %s", loaded.name, request.kind, request.asked_by)
    return StartingPoint(
        loaded,
        Verdict.REQUEST,
        requested_states(request, states, records, (loaded.short_name, cursor_paths)),
        request_id=request.request_id,
        replaced_records=[item.record_id for item in replaced_records(request, records)],
    )


def _records(request: StateRequest, store: StateStore) -> list[LoadRecord]:
    return store.list_loads(request.pipeline_name, request.resource_name, ALL_KEPT)


def _replays(
    request: LoadRequest, names: Sequence[str], store: StateStore
) -> dict[str, StateRequest]:
    replays = {}
    request_id = f"{request.run.run_id} replays {request.replay_run_id}"
    for name in names:
        records = store.list_loads(request.pipeline_name, name, ALL_KEPT)
        if any(item.request_id == request_id and item.status == "finished" for item in records):
            # a run keeps its conf when it is cleared: once is what was asked
            continue
        first = first_load_of_run(str(request.replay_run_id), records)
        replays[name] = StateRequest(
            request.pipeline_name,
            name,
            "replay",
            asked_by=f"run {request.run.run_id}",
            record_id=first.record_id,
            run_id=request.replay_run_id,
            request_id=request_id,
        )
    return replays


def _share_a_cursor(one: LoadedResource, other: LoadedResource) -> bool:
    return one.schema_name == other.schema_name and not set(one.state_names).isdisjoint(
        other.state_names
    )


def _as_asked_of(name: str, leader: StateRequest, store: StateStore) -> StateRequest:
    if leader.record_id is None:
        return replace(leader, resource_name=name)
    load_ids = next(
        (item.load_ids for item in _records(leader, store) if item.record_id == leader.record_id),
        (),
    )
    for record in store.list_loads(leader.pipeline_name, name, ALL_KEPT):
        if record.load_ids == load_ids:
            return replace(leader, resource_name=name, record_id=record.record_id)
    raise StateError(
        f"resource {name!r} shares a cursor with {leader.resource_name!r}, and its ledger does not "
        f"hold the load {', '.join(load_ids)}, to which {leader.kind} goes back"
    )
