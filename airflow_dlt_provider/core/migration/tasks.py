"""What the destination holds of the tasks of a pipeline, found by what the state store knows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from dlt.common.destination.client import WithStateSync
from dlt.common.schema import Schema

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.migration.known import KnownResource
from airflow_dlt_provider.core.migration.place import OpenPlace
from airflow_dlt_provider.core.state.merge import Change
from airflow_dlt_provider.core.state.records import ResourceState, SourceState
from airflow_dlt_provider.core.state.store import StateStore


@dataclass(frozen=True)
class TaskSource:
    """One source in one task, as the destination has it."""

    name: str
    """The source's own name."""
    task_key: str
    schema: Schema
    """The newest schema of the task's copy of the source."""
    state: Mapping[str, Any]
    """dlt's state of it."""

    @cached_property
    def resource_names(self) -> frozenset[str]:
        """Short names of the resources that have a table or a state."""
        tables = self.schema.tables.values()
        return frozenset({*self.resource_states, *(str(table.get("resource")) for table in tables)})

    @property
    def resource_states(self) -> Mapping[str, Any]:
        """Short name -> dlt's state of a resource."""
        return dict(self.state.get("resources", {}))

    @property
    def values(self) -> dict[str, Any]:
        """Source-level state."""
        return {key: value for key, value in self.state.items() if key != "resources"}


@dataclass(frozen=True)
class TaskResource:
    """One resource in the task that loads it."""

    known: ResourceState
    """What the state store knows of it."""
    source: TaskSource
    short_name: str
    fed_by: tuple[str, ...]
    """Short names of the resources that feed it, as far as they have a state."""

    @property
    def name(self) -> str:
        """Name of the resource."""
        return self.known.resource_name

    @property
    def state_names(self) -> tuple[str, ...]:
        """Short names of all resources whose dlt state is this resource's."""
        return (self.short_name, *self.fed_by)

    def unmerged_changes(self, merged: SourceState) -> list[Change]:
        """Return what the task changed in source-level state after the last merge."""
        if merged.has_merged(self.known.changes_id):
            return []
        return self.known.source_changes.get(self.source.name, [])


def loaded_resources(
    dataset: OpenPlace, store: StateStore, known: Sequence[KnownResource]
) -> tuple[list[TaskResource], dict[str, str]]:
    """Return every resource that a task loaded, and why others are left out.

    Args:
        dataset: Where the states and schemas of the tasks are.
        store: Tells which task loads which resource.
        known: The source's resources, where it was built.

    Raises:
        StateError: The names of the sources cannot be told from those of the tasks' schemas.
    """
    pipeline_name = dataset.pipeline.pipeline_name
    by_pipeline: dict[str, list[ResourceState]] = {}
    for state in store.read_resources(pipeline_name, store.list_resources(pipeline_name)).values():
        by_pipeline.setdefault(state.task_pipeline, []).append(state)
    resources: list[TaskResource] = []
    left_out: dict[str, str] = {}
    for task_pipeline, states in by_pipeline.items():
        task_key = _task_key(pipeline_name, task_pipeline, states, known)
        if task_key is None:
            reason = f"its cursor was taken over from {task_pipeline}, and it was not loaded since"
            left_out |= {state.resource_name: reason for state in states}
            continue
        load_ids = {load_id for state in states for load_id in state.load_ids}
        newest = dataset.rows.newest_state(task_pipeline, load_ids)
        if newest is None:
            reason = f"the destination holds no finished load of {task_pipeline}"
            left_out |= {state.resource_name: reason for state in states}
            continue
        sources = _sources(dataset, task_key, newest, known)
        for state in states:
            if state.resource_name != task_key or store.last_load(pipeline_name, task_key):
                resources += _resources(state, sources, known)
            # else it is what a task for a whole source goes by
    return sorted(resources, key=lambda item: (item.source.name, item.name)), left_out


def _task_key(
    pipeline_name: str,
    task_pipeline: str,
    states: Iterable[ResourceState],
    known: Sequence[KnownResource],
) -> str | None:
    """Return the key of the task with this pipeline; `None` if it is no task's pipeline.

    The end of a long name is a hash, so keys that a task of these resources could have are tried.
    """
    source_names = dict.fromkeys(item.source_name for item in known)
    tried = (
        task_pipeline.removeprefix(names.task_pipeline_name(pipeline_name, "")),
        *(state.resource_name for state in states),
        *(names.task_key(state.resource_name) for state in states),
        names.task_key(names.SEPARATOR.join(source_names)),
    )
    fitting = (
        key for key in tried if names.task_pipeline_name(pipeline_name, key) == task_pipeline
    )
    return next(fitting, None)


def _sources(
    dataset: OpenPlace, task_key: str, newest: Mapping[str, Any], known: Sequence[KnownResource]
) -> list[TaskSource]:
    sources = []
    for schema_name in newest["schema_names"]:
        with dataset.client as client:
            # places without state were refused when they were opened
            info = cast("WithStateSync", client).get_stored_schema(schema_name)
        if info is None:
            continue
        sources.append(
            TaskSource(
                _source_name(schema_name, task_key, known),
                task_key,
                Schema.from_dict(json.loads(info.schema)),
                newest.get("sources", {}).get(schema_name, {}),
            )
        )
    return sources


def _source_name(schema_name: str, task_key: str, known: Sequence[KnownResource]) -> str:
    tried = (
        *(item.source_name for item in known),
        schema_name.removesuffix(names.schema_name("", task_key)),
        schema_name.removesuffix(f"{names.SEPARATOR}{task_key}"),
    )
    for name in tried:
        if name and names.schema_name(name, task_key) == schema_name:
            return name
    raise StateError(
        f"the name of the source cannot be told from that of its schema in task {task_key!r}, "
        f"{schema_name!r}, which had to be shortened or changed; name the source: "
        "--source module:function"
    )


def _resources(
    state: ResourceState, sources: Sequence[TaskSource], known: Sequence[KnownResource]
) -> list[TaskResource]:
    """Return the resource, if one of the sources has a table or a state of it."""
    for item in known:
        for source in sources:
            if item.name == state.resource_name and item.source_name == source.name:
                return [TaskResource(state, source, item.short_name, item.fed_by)]
    for source in sources:
        prefixed = state.resource_name.removeprefix(f"{source.name}{names.SEPARATOR}")
        for short_name in (state.resource_name, prefixed):
            if short_name in source.resource_names:
                fed_by = tuple(name for name in state.states if name != short_name)
                return [TaskResource(state, source, short_name, fed_by)]
    return []
