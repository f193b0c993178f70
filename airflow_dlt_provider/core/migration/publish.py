"""Giving the cursors and tables of all tasks to one plain dlt pipeline of the base name.

Every task has a dlt pipeline and a schema of its own. `dlt.attach` on the base name, dlt's dataset
tools and a plain `pipeline.run(source)` know nothing of these. So the schemas are put together
under the name of the source, and the states of the resources into one state, which is loaded as a
package of the base pipeline (peers.md c-4, where it was tried).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, cast

from dlt.common.schema import Schema
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.lock import load_lock
from airflow_dlt_provider.core.loading.outcome import cursors_in, resource_of
from airflow_dlt_provider.core.loading.restore import comparable, restore_state
from airflow_dlt_provider.core.loading.rows.contract import root_tables, table_chain
from airflow_dlt_provider.core.migration.known import KnownResource
from airflow_dlt_provider.core.migration.place import Place, opened
from airflow_dlt_provider.core.migration.tasks import TaskResource, loaded_resources
from airflow_dlt_provider.core.state.merge import apply_changes, changes_between
from airflow_dlt_provider.core.state.records import typed_text
from airflow_dlt_provider.core.state.store import StateStore

PUBLISHED = "airflow_dlt_provider_published"
"""Key in the pipeline's state: a hash of the states of all sources, as they were published."""


@dataclass(frozen=True)
class PublishedResource:
    """A resource, as the base pipeline has it now."""

    name: str
    source_name: str
    task_pipeline: str
    """The pipeline that loads it."""
    cursors: dict[str, Any]
    """Cursor path -> last value, as JSON."""


@dataclass(frozen=True)
class Publication:
    """What was published."""

    pipeline_name: str
    dataset_name: str
    resources: tuple[PublishedResource, ...]
    left_out: dict[str, str] = field(default_factory=dict)
    """Resource -> why."""
    load_ids: tuple[str, ...] = ()
    """The load that brought the state; empty where nothing had changed."""


def publish_pipeline(
    place: Place, store: StateStore, known: Sequence[KnownResource] = ()
) -> Publication:
    """Bring the pipeline of the base name up to date with the tasks' pipelines.

    Let no run be active meanwhile, of the Dag or of that pipeline. Rows are not touched.

    Args:
        place: Where the tasks load to.
        store: Tells which pipeline loads which resource; their states are the destination's.
        known: The source's resources; only needed where the names of sources were shortened.

    Raises:
        StateError: Nothing was loaded, tasks have different cursors of one resource, or the
            pipeline has been run by itself and is ahead of them.
        LockTimeoutError: A load of the base pipeline took too long.
    """
    with (
        opened(place) as dataset,
        load_lock(dataset.client, place.pipeline_name, dataset.waiting),
        dataset.writer_lock(),
    ):
        loaded, left_out = loaded_resources(dataset, store, known)
        if not loaded:
            raise StateError(
                f"no task of pipeline {place.pipeline_name!r} has loaded anything that could be "
                f"published; the state store {store.name} knows of "
                f"{', '.join(left_out) or 'no resource'}. Run its Dag first"
            )
        states = _resource_states(loaded)
        values = _source_values(place.pipeline_name, loaded, store)
        pipeline = dataset.pipeline
        restore_state(pipeline, dataset.rows, {})
        _check_not_behind(pipeline, states)
        _store_schemas(pipeline, loaded)
        with pipeline.managed_state(extract_state=True) as state:
            _put(cast("dict[str, Any]", state), states, values)
        return Publication(
            pipeline_name=place.pipeline_name,
            dataset_name=pipeline.dataset_name,
            resources=tuple(_described(item, states) for item in loaded),
            left_out=left_out,
            load_ids=_loaded(pipeline),
        )


def _resource_states(loaded: Iterable[TaskResource]) -> dict[tuple[str, str], Any]:
    """Return (source, resource) -> its one state; `None` where it has none.

    Raises:
        StateError: Tasks have different cursors of one resource.
    """
    states: dict[tuple[str, str], Any] = {}
    holders: dict[tuple[str, str], str] = {}
    for item in loaded:
        for name in item.state_names:
            key = (item.source.name, name)
            state = item.source.resource_states.get(name) or None
            if key in states and comparable(states[key]) != comparable(state):
                raise StateError(
                    f"tasks have different cursors of resource {name!r}, which feeds several: that "
                    f"of {holders[key]!r} has {_cursor_text(states[key], name)}, that of "
                    f"{item.name!r} has {_cursor_text(state, name)}; one cursor for all would skip "
                    "rows or double them. Publish after a run in which all of them succeeded and "
                    "saw the same rows, or let one task load them "
                    '(decompose="component") from the beginning'
                )
            states[key] = deepcopy(state)
            holders.setdefault(key, item.name)
    return states


def _check_not_behind(pipeline: Pipeline, states: Mapping[tuple[str, str], Any]) -> None:
    """Refuse to put back a cursor that a run of the pipeline itself moved forward.

    Raises:
        StateError: It would make that run's rows come again.
    """
    sources = pipeline.state.get("sources", {})
    if pipeline.state.get(PUBLISHED) == _hash(sources):
        # nobody ran it: what a person reset since is reset there too
        return
    for (source_name, name), state in states.items():
        its_own = sources.get(source_name, {}).get("resources", {}).get(name)
        if _is_ahead(its_own, state):
            raise StateError(
                f"pipeline {pipeline.pipeline_name!r} has been run by itself, up to "
                f"{_cursor_text(its_own, name)} of resource {name!r}, and its task only up to "
                f"{_cursor_text(state, name)}; rows would be doubled. Take its cursors over, run "
                f"the Dag, then publish: airflow-dlt state adopt {pipeline.pipeline_name} "
                f"--from {pipeline.pipeline_name}"
            )


def _is_ahead(one: Any, other: Any) -> bool:
    """Tell whether a cursor of *one* is known to be higher."""
    cursors = (other or {}).get("incremental", {})
    for path, cursor in (one or {}).get("incremental", {}).items():
        value = cursors.get(path, {}).get("last_value")
        try:
            if value is not None and cursor.get("last_value") > value:
                return True
        except TypeError:
            # of different types, or none: nothing is known
            continue
    return False


def _hash(sources: Any) -> str:
    return hashlib.sha256(typed_text(sources).encode()).hexdigest()


def _cursor_text(state: Any, name: str) -> str:
    cursors = cursors_in({name: state or {}}, name)
    return ", ".join(f"{path} {value!r}" for path, value in cursors.items()) or "none"


def _source_values(
    pipeline_name: str, loaded: Sequence[TaskResource], store: StateStore
) -> dict[str, dict[str, Any]]:
    """Return source -> source-level state: what was merged, and what tasks changed since."""
    values: dict[str, dict[str, Any]] = {}
    for source_name in dict.fromkeys(item.source.name for item in loaded):
        merged = store.read_source(pipeline_name, source_name)
        own = dict(merged.values) if merged else {}
        for item in loaded:
            if item.source.name == source_name:
                changes = (
                    # a run that did not get to its last task left changes that nobody has merged
                    item.unmerged_changes(merged)
                    if merged
                    else changes_between({}, item.source.values)
                )
                own = apply_changes(own, changes)
        values[source_name] = own
    return values


def _store_schemas(pipeline: Pipeline, loaded: Sequence[TaskResource]) -> None:
    """Store, under the name of each source, a schema with the tables of all its resources."""
    for source_name in dict.fromkeys(item.source.name for item in loaded):
        own = [item for item in loaded if item.source.name == source_name]
        union = (
            pipeline.schemas[source_name].clone()
            if source_name in pipeline.schemas
            else own[0].source.schema.clone(with_name=source_name)
        )
        for item in own:
            _add_tables(union, item.source.schema, item.short_name)
        pipeline._inject_schema(union)
        pipeline.sync_schema(source_name)


def _add_tables(union: Schema, schema: Schema, short_name: str) -> None:
    """Add the tables of one resource, parents first, with their hints."""
    tables = schema.tables
    for root_name in root_tables(tables):
        if resource_of(schema, root_name) == short_name:
            for name in table_chain(tables, root_name):
                union.update_table(deepcopy(tables[name]), normalize_identifiers=False)


def _put(
    state: dict[str, Any],
    resource_states: Mapping[tuple[str, str], Any],
    values: Mapping[str, Mapping[str, Any]],
) -> None:
    """Put states in place of those in the state of a pipeline; others of it stay."""
    sources = state.setdefault("sources", {})
    for source_name, own_values in values.items():
        former = sources.get(source_name, {})
        resources = dict(former.get("resources", {}))
        for (source, name), value in resource_states.items():
            if source != source_name:
                continue
            if value is None:
                resources.pop(name, None)
            else:
                resources[name] = value
        sources[source_name] = {
            **deepcopy(dict(own_values)),
            **({"resources": resources} if resources else {}),
        }
    state[PUBLISHED] = _hash(sources)


def _loaded(pipeline: Pipeline) -> tuple[str, ...]:
    """Load what was extracted, and return the load ids."""
    if not pipeline.has_pending_data:
        return ()
    pipeline.normalize()
    info = pipeline.load()
    return tuple(info.loads_ids) if info else ()


def _described(item: TaskResource, states: Mapping[tuple[str, str], Any]) -> PublishedResource:
    state = states[item.source.name, item.short_name]
    return PublishedResource(
        item.name,
        item.source.name,
        item.known.task_pipeline,
        cursors_in({item.short_name: state or {}}, item.short_name),
    )
