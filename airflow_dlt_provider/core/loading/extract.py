"""The extraction of one task, from where each of its resources goes on."""

from __future__ import annotations

from collections.abc import Mapping

from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.extraction import Extraction
from airflow_dlt_provider.core.loading.outcome import states_of
from airflow_dlt_provider.core.loading.requested import open_requests, requested_point
from airflow_dlt_provider.core.loading.restore import (
    Restored,
    StartingPoint,
    install_states,
    starting_point,
)
from airflow_dlt_provider.core.loading.selected import Selected, build_selected
from airflow_dlt_provider.core.loading.source_state import SharedSourceState
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.records import ResourceState
from airflow_dlt_provider.core.state.store import StateStore


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
    """
    pipeline = restored.pipeline
    shared = SharedSourceState(pipeline, request, states, store)
    with shared.shown():
        selected = build_selected(request)
    if not request.resources:
        # a task for a whole source knows its resources only now
        names = [item.name for item in selected.loaded]
        states = store.read_resources(request.pipeline_name, names)
    points = _starting_points(request, selected, restored, store, states)
    shared.seed(dict.fromkeys(item.source_name for item in selected.loaded))
    install_states(pipeline, points)
    before = {item.name: states_of(pipeline, item) for item in selected.loaded}
    hash_before = _extracted_hash(pipeline)
    pipeline.extract(
        list(selected.sources),
        loader_file_format=request.destination.loader_file_format,
        schema_contract=request.destination.schema_contract,
    )
    is_state_new = _extracted_hash(pipeline) != hash_before
    own_version = int(pipeline.state["_state_version"])
    return Extraction(
        run_id=request.run.run_id,
        max_tries=request.run.max_tries,
        base_version=restored.version,
        loaded=selected.loaded,
        load_ids=tuple(pipeline.list_extracted_load_packages()),
        states_before=before,
        states_after={item.name: states_of(pipeline, item) for item in selected.loaded},
        state_version=own_version if is_state_new else restored.version or 0,
        source_changes=shared.changes(),
        source_seeds=shared.seeds(),
        requests={p.loaded.name: p.request.to_dict() for p in points if p.request},
        own_requests=[p.loaded.name for p in points if p.request and p.is_own_request],
    )


def _starting_points(
    request: LoadRequest,
    selected: Selected,
    restored: Restored,
    store: StateStore,
    states: Mapping[str, ResourceState],
) -> list[StartingPoint]:
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


def _extracted_hash(pipeline: Pipeline) -> str | None:
    """Return the hash of the state that is in a package or in the destination."""
    return pipeline.state["_local"].get("_last_extracted_hash")
