"""The extraction of one task, from where each of its resources goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, cast

from dlt.common.configuration.container import Container
from dlt.extract import DltSource
from dlt.extract.incremental.context import TimeIntervalContext
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.cursors import without_scheduler
from airflow_dlt_provider.core.loading.extraction import Extraction
from airflow_dlt_provider.core.loading.left_out import failed_resources
from airflow_dlt_provider.core.loading.limits import refuse_lossy_limits
from airflow_dlt_provider.core.loading.lookback import look_back
from airflow_dlt_provider.core.loading.nested_tables import check_nested_tables
from airflow_dlt_provider.core.loading.outcome import LoadedResource, states_of
from airflow_dlt_provider.core.loading.refresh import (
    TaskRefresh,
    apply_refresh,
    plan_refresh,
    replaced_with_rows,
)
from airflow_dlt_provider.core.loading.requested import open_requests, requested_point
from airflow_dlt_provider.core.loading.restore import (
    Restored,
    StartingPoint,
    install_states,
    starting_point,
)
from airflow_dlt_provider.core.loading.selected import Selected, build_selected
from airflow_dlt_provider.core.loading.source_state import SharedSourceState
from airflow_dlt_provider.core.loading.window import BoundResources, bind_window, windows_ahead
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.records import ResourceState
from airflow_dlt_provider.core.state.store import StateStore
from airflow_dlt_provider.core.state.windows import add_window

log = logging.getLogger(__name__)


def extract_task(
    request: LoadRequest,
    restored: Restored,
    store: StateStore,
    states: Mapping[str, ResourceState],
) -> Extraction:
    """Build the source afresh, put the state in its place, and extract.

    Args:
        request: What to load.
        restored: The task's pipeline, with the state that the destination holds.
        store: What a person asked for, and what the tasks of a run share.
        states: What the store knows of the resources.

    Raises:
        StateError: What the store holds, or a person asked for, does not fit the source.
        RootKeyError: Nested tables lack what the source now asks of them.
        PlanError: A limit would lose rows.
        ResourceFailedError: Some of the resources could not be extracted.
    """
    pipeline = restored.pipeline
    shared = SharedSourceState(pipeline, request, states, store)
    prepared = _prepare(request, restored, store, states, shared)
    points, bound, refresh = prepared.points, prepared.bound, prepared.refresh
    before = {item.name: states_of(pipeline, item) for item in bound.loaded}
    hash_before = _extracted_hash(pipeline)
    try:
        _extract(request, prepared.sources, pipeline, bound.loaded, refresh)
    except PipelineStepFailed as error:
        failure = failed_resources(error, prepared.selected, [item.name for item in bound.loaded])
        # of a whole source, a retry would not know what is missing
        if failure and request.on_failure == "continue" and request.resources:
            raise failure from error
        raise
    is_state_new = _extracted_hash(pipeline) != hash_before
    own_version = int(pipeline.state["_state_version"])
    return Extraction(
        run_id=request.run.run_id,
        max_tries=request.run.max_tries,
        base_version=restored.version,
        loaded=bound.loaded,
        load_ids=tuple(pipeline.list_extracted_load_packages()),
        states_before=before,
        states_after={item.name: states_of(pipeline, item) for item in bound.loaded},
        state_version=own_version if is_state_new else restored.version or 0,
        source_changes=shared.changes(),
        source_seeds=shared.seeds(),
        requests={p.loaded.name: p.request.to_dict() for p in points if p.request},
        own_requests=[p.loaded.name for p in points if p.request and p.is_own_request],
        voided_requests={p.loaded.name: p.voided_request_id for p in points if p.voided_request_id},
        window=list(request.window.described()) if request.window else None,
        skipped=bound.skipped,
        ranges={name: asdict(rows) for name, rows in bound.ranges.items()},
        guarded=sorted(_guarded(request, bound.loaded, refresh, restored)),
        taken_over=sorted(refresh.taken_over),
    )


@dataclass(frozen=True)
class _Prepared:
    """What is extracted, and from where on."""

    sources: Sequence[DltSource]
    selected: Sequence[LoadedResource]
    """The resources of the task; those without a part in a window too."""
    points: Sequence[StartingPoint]
    refresh: TaskRefresh
    bound: BoundResources


def _prepare(
    request: LoadRequest,
    restored: Restored,
    store: StateStore,
    states: Mapping[str, ResourceState],
    shared: SharedSourceState,
) -> _Prepared:
    """Build the source, and put its state and its cursors in their places."""
    with shared.shown():
        selected = build_selected(request)
    if not request.resources:
        # a task for a whole source knows its resources only now
        names = [item.name for item in selected.loaded]
        states = store.read_resources(request.pipeline_name, names)
    points = _starting_points(request, selected, restored, store, states)
    refresh = plan_refresh(
        selected.loaded,
        {point.loaded.name: point.request for point in points if point.request},
        restored,
        request.shared_tables,
    )
    check_nested_tables(selected, restored, refresh)
    shared.seed(dict.fromkeys(item.source_name for item in selected.loaded))
    install_states(restored.pipeline, points)
    bound = _bind_cursors(request, selected, points, restored.pipeline)
    refuse_lossy_limits(request, selected, bound)
    return _Prepared(selected.sources, selected.loaded, points, refresh, bound)


def _guarded(
    request: LoadRequest,
    loaded: Sequence[LoadedResource],
    refresh: TaskRefresh,
    restored: Restored,
) -> frozenset[str]:
    if request.allow_empty_replace:
        return refresh.guarded
    return refresh.guarded | replaced_with_rows(loaded, refresh, restored)


def _starting_points(
    request: LoadRequest,
    selected: Selected,
    restored: Restored,
    store: StateStore,
    states: Mapping[str, ResourceState],
) -> list[StartingPoint]:
    if request.window:
        # a window leaves the cursor alone, and what persons ask of it waits for an ordinary load
        _refuse_interrupted(selected.loaded, states)
        requests = {}
    else:
        requests = open_requests(request, selected.loaded, states, store, restored.pipeline)
    points = []
    for item in selected.loaded:
        state = states.get(item.name)
        if item.name in requests:
            own = states_of(restored.pipeline, item)
            known = own if restored.keeps_state or state is None else state.states
            paths = selected.cursor_paths[item.name]
            point = requested_point(item, requests[item.name], known, store, paths)
            if point.request and point.request.taken_back and restored.rows is None:
                raise StateError(
                    f"rows of resource {item.name!r} cannot be found in this destination, so that "
                    "its loads cannot be taken back; set the cursor instead"
                )
            points.append(point)
        else:
            is_shared = item.table_name in request.shared_tables
            points.append(starting_point(item, state, restored, is_shared=is_shared))
    return points


def _refuse_interrupted(
    loaded: Iterable[LoadedResource], states: Mapping[str, ResourceState]
) -> None:
    for item in loaded:
        state = states.get(item.name)
        if state and state.interrupted:
            raise StateError(
                f"a {state.interrupted.kind} of resource {item.name!r} was cut off, and has to be "
                "done to its end before a window is loaded: start an ordinary run of the Dag"
            )


def _bind_cursors(
    request: LoadRequest,
    selected: Selected,
    points: Sequence[StartingPoint],
    pipeline: Pipeline,
) -> BoundResources:
    """Bind the cursors to the window, or have them go on from where they are."""
    states = {item.name: states_of(pipeline, item) for item in selected.loaded}
    if request.window:
        bound = bind_window(selected, states, request.window, request.shared_tables)
        for item in bound.loaded:
            if item.name in bound.ranges:
                add_window(states[item.name], item.short_name, request.window.described())
        _install(pipeline, bound.loaded, states)
        return bound
    # who asks for another cursor does not ask for the run's interval
    _without_scheduler(
        selected, [p.loaded for p in points if p.request or request.interval is None]
    )
    look_back(request, selected, states, [p.loaded.name for p in points if p.request])
    ranges = {}
    for item in selected.loaded:
        if rows := windows_ahead(selected, item, states[item.name], request):
            ranges[item.name] = rows
    _install(pipeline, selected.loaded, states)
    return BoundResources(selected.loaded, ranges=ranges)


def _without_scheduler(selected: Selected, loaded: Iterable[LoadedResource]) -> None:
    names = {(item.schema_name, name) for item in loaded for name in item.state_names}
    for source in selected.sources:
        for resource in source.resources.extracted:
            if (source.name, resource.name) in names and without_scheduler(resource):
                log.info(
                    "Resource %s allows external schedulers, and the run has no data interval "
                    "for it (Airflow's cron schedules have none): it goes on from its cursor",
                    resource.name,
                )


def _install(
    pipeline: Pipeline, loaded: Iterable[LoadedResource], states: Mapping[str, dict[str, Any]]
) -> None:
    """Put the resources' own states in their place, where they were changed."""
    changed = [
        item
        for item in loaded
        if states[item.name].get(item.short_name) != states_of(pipeline, item).get(item.short_name)
    ]
    if not changed:
        return
    with pipeline.managed_state() as managed:
        sources = cast("dict[str, Any]", managed).setdefault("sources", {})
        for item in changed:
            resources = sources.setdefault(item.schema_name, {}).setdefault("resources", {})
            resources[item.short_name] = states[item.name][item.short_name]


def _extract(
    request: LoadRequest,
    sources: Sequence[DltSource],
    pipeline: Pipeline,
    loaded: Iterable[LoadedResource],
    refresh: TaskRefresh,
) -> None:
    """Extract what is loaded: what dlt shall drop or empty before, apart from the rest."""
    apply_refresh(sources, refresh)
    dropped = refresh.names if refresh.drop else frozenset()
    parts = [
        ([item for item in loaded if item.name in dropped], refresh.drop),
        ([item for item in loaded if item.name not in dropped], None),
    ]
    with _interval_shown(request):
        for items, mode in parts:
            if items:
                pipeline.extract(
                    list(_only(sources, items)),
                    loader_file_format=request.destination.loader_file_format,
                    schema_contract=request.destination.schema_contract,
                    refresh=mode,
                )


def _only(sources: Sequence[DltSource], items: Iterable[LoadedResource]) -> Iterator[DltSource]:
    names = {(item.schema_name, item.short_name) for item in items}
    for source in sources:
        chosen = [name for name in source.selected_resources if (source.name, name) in names]
        if chosen:
            yield source.with_resources(*chosen)


@contextmanager
def _interval_shown(request: LoadRequest) -> Iterator[None]:
    """Let the source see its window, or the run's interval, as dlt's (`dlt.current.interval`)."""
    interval = request.window or request.interval
    if interval is None:
        yield
        return
    context = TimeIntervalContext(interval=(interval.start, interval.end))
    with Container().injectable_context(context):
        yield


def _extracted_hash(pipeline: Pipeline) -> str | None:
    """Return the hash of the state that is in a package or in the destination."""
    return pipeline.state["_local"].get("_last_extracted_hash")
