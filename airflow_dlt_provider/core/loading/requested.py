"""What a person asked for, found for the resources of a task and turned into starting points."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.loading.restore import (
    APPLIED_REQUESTS,
    REFRESHES,
    StartingPoint,
)
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.reconcile import Verdict
from airflow_dlt_provider.core.state.records import LoadRecord, ResourceState, StateRequest
from airflow_dlt_provider.core.state.requests import (
    first_load_of_run,
    requested_states,
    taken_back,
)
from airflow_dlt_provider.core.state.store import ALL_KEPT, StateStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenRequest:
    """A request that a load carries out for one resource."""

    request: StateRequest
    is_own: bool
    """Whether it was asked of this resource, not of one that it shares a cursor with."""
    voided: StateRequest | None = None
    """What a person asked before, where a full refresh comes first."""

    @property
    def voided_request_id(self) -> str | None:
        """The id of what comes to nothing: only a new cursor still has a meaning afterwards."""
        return self.voided.request_id if self.voided and self.voided.kind != "set" else None


def open_requests(
    request: LoadRequest,
    loaded: Sequence[LoadedResource],
    states: Mapping[str, ResourceState],
    store: StateStore,
    pipeline: Pipeline,
) -> dict[str, OpenRequest]:
    """Return resource name -> the request that this load carries out.

    Resources of one task that are fed by one resource share its cursor: they go back together. A
    request whose load was cut off is carried out to its end, by whichever load comes next.
    """
    names = [item.name for item in loaded]
    applied = cast("dict[str, Any]", pipeline.state).get(APPLIED_REQUESTS, {})
    own = {
        name: item
        for name, item in store.pending_requests(request.pipeline_name, dict(states), names).items()
        if applied.get(name) != item.request_id
    }
    asked = dict(own)
    if request.replay_run_id:
        asked |= _replays(request, names, store)
    if request.refresh:
        done = cast("dict[str, Any]", pipeline.state).get(REFRESHES, {})
        asked |= _refreshes(request, names, store, done)
    for name in names:
        begun = states[name].interrupted if name in states else None
        if begun and _is_finished_first(begun, asked.get(name, begun)):
            asked[name] = begun
    together = {
        other.name: item
        for item in loaded
        if item.name in asked and asked[item.name].kind != "set"
        for other in loaded
        if other.name not in asked and _go_together(item, other, asked[item.name])
    }
    for name, leader in together.items():
        asked[name] = _as_asked_of(name, asked[leader.name], store)
    return {
        name: OpenRequest(
            item,
            is_own=name in own and own[name].request_id == item.request_id,
            voided=own.get(name) if item.kind == "refresh" else None,
        )
        for name, item in asked.items()
    }


def requested_point(
    loaded: LoadedResource,
    open_request: OpenRequest,
    states: Mapping[str, Any],
    store: StateStore,
    cursor_paths: Sequence[str],
) -> StartingPoint:
    """Return where a resource goes on from as *open_request* asks.

    Args:
        loaded: The resource.
        open_request: What was asked for.
        states: dlt's state of the resource, and of those that feed it, as it was restored.
        store: Holds the ledger.
        cursor_paths: Cursors that the resource declares.

    Raises:
        StateError: The request does not fit the state.
    """
    request = open_request.request
    is_looked_up = request.kind in ("rewind", "replay") and request.states is None
    records = _records(request, store) if is_looked_up else []
    new_states = requested_states(request, states, records, (loaded.short_name, cursor_paths))
    level = logging.INFO if request.kind == "refresh" else logging.WARNING
    log.log(level, "Resource %s: %s, asked by %s", loaded.name, request.kind, request.asked_by)
    if open_request.voided and open_request.voided_request_id:
        log.warning(
            "Resource %s: the %s that %s asked for comes to nothing, as a full refresh came first",
            loaded.name,
            open_request.voided.kind,
            open_request.voided.asked_by,
        )
    return StartingPoint(
        loaded,
        Verdict.REQUEST,
        new_states,
        replace(request, states=new_states, taken_back=taken_back(request, records)),
        open_request.is_own,
        open_request.voided_request_id,
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


def _refreshes(
    request: LoadRequest,
    names: Sequence[str],
    store: StateStore,
    done: Mapping[str, Sequence[str]],
) -> dict[str, StateRequest]:
    refresh, run = request.refresh, request.run
    if refresh is None:
        return {}
    asked = StateRequest(
        request.pipeline_name,
        "",
        "refresh",
        asked_by=f"run {run.run_id}",
        run_id=run.run_id,
        mode=refresh.mode,
        allow_empty=refresh.allow_empty,
        request_id=f"{run.dag_id} {run.run_id} refreshes",
    )
    return {
        name: replace(asked, resource_name=name)
        for name in names
        # a run keeps its conf when it is cleared: once is what was asked
        if asked.request_id not in done.get(name, ())
        and not any(
            item.request_id == asked.request_id and item.status == "finished"
            for item in store.list_loads(request.pipeline_name, name, ALL_KEPT)
        )
    }


def _is_finished_first(begun: StateRequest, asked: StateRequest) -> bool:
    """Tell whether a request that was cut off comes before what is asked now.

    A refresh may have emptied the table, and only a refresh brings its rows back.
    """
    if begun.kind == "refresh":
        return asked.kind != "refresh" or begun.request_id == asked.request_id
    return begun.request_id == asked.request_id


def _go_together(one: LoadedResource, other: LoadedResource, request: StateRequest) -> bool:
    is_one_table = request.kind == "refresh" and one.table_name == other.table_name
    return is_one_table or _share_a_cursor(one, other)


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
