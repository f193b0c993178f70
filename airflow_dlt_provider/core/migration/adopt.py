"""Taking over the cursors of plain dlt pipelines, and of those of dlt's Airflow helper.

What the destination stores of them is written into the state store as if a task of another name
had loaded it. The next load of each resource starts from there once, as after a regrouping (see
`core.state.reconcile`), and from then on from its own pipeline. Nothing is written to the
destination.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import StateError, closest, listed
from airflow_dlt_provider.core.loading.rows.contract import StoredPipeline, StoredRows
from airflow_dlt_provider.core.migration.history import (
    LastChange,
    SourceHistory,
    source_histories,
)
from airflow_dlt_provider.core.migration.known import KnownResource
from airflow_dlt_provider.core.migration.place import Place, opened
from airflow_dlt_provider.core.planning.selection import is_pattern
from airflow_dlt_provider.core.state.merge import apply_changes, changes_between
from airflow_dlt_provider.core.state.records import ResourceState, SourceState
from airflow_dlt_provider.core.state.store import StateStore


@dataclass(frozen=True)
class AdoptedResource:
    """Where a resource will go on from."""

    name: str
    short_name: str
    """The name that the source gives to the resource."""
    pipeline_name: str
    """The pipeline that loaded it so far."""
    load_id: str
    state_version: int
    states: dict[str, Any]
    """dlt's state of the resource and of those that may feed it; empty where it keeps none."""
    is_sure: bool
    """Whether those that may feed it do."""

    @property
    def states_of_its_own(self) -> dict[str, Any]:
        """States that are known to be the resource's."""
        return {
            name: state
            for name, state in self.states.items()
            if self.is_sure or name == self.short_name
        }


@dataclass(frozen=True)
class Adoption:
    """What can be taken over."""

    pipeline_name: str
    """The base name under which the resources will be loaded."""
    from_pipelines: tuple[str, ...]
    resources: tuple[AdoptedResource, ...]
    source_values: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Source -> source-level state."""
    missing: tuple[str, ...] = ()
    """Resources of which nothing was found, or of which a cursor is missing."""


def adopt_pipelines(
    place: Place,
    patterns: Sequence[str],
    store: StateStore,
    known: Sequence[KnownResource] = (),
) -> Adoption:
    """Let the next load of each resource go on from where other pipelines stopped.

    Let no run be active meanwhile, of this Dag or of those pipelines.

    Args:
        place: Where they loaded to, and under which name it goes on.
        patterns: Their names, or glob patterns.
        store: Where the cursors are written.
        known: The source's resources; without them, all that is found is taken over.

    Raises:
        StateError: No such pipeline is there, nothing of it fits, or a load is unfinished.
    """
    adoption = find_adoption(place, patterns, known)
    write_adoption(adoption, store)
    return adoption


def find_adoption(
    place: Place, patterns: Sequence[str], known: Sequence[KnownResource] = ()
) -> Adoption:
    """Return what `adopt_pipelines` takes over, and change nothing.

    Raises:
        StateError: No such pipeline is there, or nothing of it fits.
    """
    with opened(place) as dataset:
        pipelines = _matching(dataset.rows, place.pipeline_name, patterns)
    histories = source_histories(pipelines)
    resources = list(known) or _guessed(histories)
    found = {item.name: _adopted(item, histories, is_sure=bool(known)) for item in resources}
    if not any(found.values()):
        available = sorted({name for item in histories for name in item.loaded_names})
        raise StateError(
            f"{_named(pipelines)} loaded none of the source's resources "
            f"({', '.join(found)}) into {place.pipeline_name!r}; {listed(available)}"
        )
    return Adoption(
        pipeline_name=place.pipeline_name,
        from_pipelines=tuple(item.name for item in pipelines),
        resources=tuple(item for item in found.values() if item),
        source_values=_source_values([item for item in resources if found[item.name]], histories),
        missing=tuple(name for name, item in found.items() if item is None),
    )


def write_adoption(adoption: Adoption, store: StateStore) -> None:
    """Write what `find_adoption` found.

    Raises:
        StateError: A load of one of the resources is unfinished.
        StateStoreError: The store cannot be reached.
    """
    resource_names = [item.name for item in adoption.resources]
    former = store.read_resources(adoption.pipeline_name, resource_names)
    unfinished = [name for name, state in former.items() if state.unfinished]
    if unfinished:
        raise StateError(
            f"loads of {', '.join(unfinished)} were begun, and nobody has seen their end; let the "
            "next run find out, then adopt"
        )
    for source_name, values in adoption.source_values.items():
        merged = store.read_source(adoption.pipeline_name, source_name)
        store.write_source(
            replace(merged, values=values, conflicts=[])
            if merged
            else SourceState(adoption.pipeline_name, source_name, values)
        )
    store.write_resources(
        [
            ResourceState(
                pipeline_name=adoption.pipeline_name,
                resource_name=item.name,
                task_pipeline=item.pipeline_name,
                state_version=item.state_version,
                load_ids=(item.load_id,),
                states=item.states,
                # what a person asked for before was carried out, and is not again
                applied_request_id=former[item.name].applied_request_id
                if item.name in former
                else None,
            )
            for item in adoption.resources
        ]
    )


def _matching(
    rows: StoredRows, pipeline_name: str, patterns: Sequence[str]
) -> list[StoredPipeline]:
    """Return the pipelines that are meant; a pattern never means our own tasks' pipelines."""
    own_prefix = names.task_pipeline_name(pipeline_name, "")
    pipelines = [
        item
        for item in rows.stored_pipelines(patterns)
        if item.name in patterns or not item.name.startswith(own_prefix)
    ]
    found = {item.name for item in pipelines}
    absent = [name for name in patterns if not is_pattern(name) and name not in found]
    if absent or not pipelines:
        available = [item.name for item in rows.stored_pipelines(["*"])]
        asked = ", ".join(repr(name) for name in absent or patterns)
        raise StateError(
            f"the dataset holds no finished load of pipeline {asked}; {listed(available)}"
            f"{closest((absent or list(patterns))[0], available)}. Another dataset is named with "
            "--dataset-name, another destination with --destination"
        )
    return pipelines


def _guessed(histories: Sequence[SourceHistory]) -> list[KnownResource]:
    """Return the resources that were loaded, where nobody knows which of them feed which."""
    by_key: dict[str, set[str]] = {}
    for item in histories:
        by_key.setdefault(item.source_key, set()).update(item.loaded_names, item.changes)
    keys = [key for key, resources in by_key.items() if resources]
    return [
        KnownResource(
            name=f"{key}{names.SEPARATOR}{name}" if len(keys) > 1 else name,
            short_name=name,
            source_name=key,
            # of these, a load takes what the source then says
            fed_by=tuple(sorted(by_key[key] - {name})),
        )
        for key in keys
        for name in sorted(by_key[key])
    ]


def _adopted(
    known: KnownResource, histories: Sequence[SourceHistory], *, is_sure: bool
) -> AdoptedResource | None:
    """Return where a resource goes on from; `None` where that is not known.

    Args:
        known: The resource.
        histories: Of all pipelines.
        is_sure: Whether those that are said to feed it do.
    """
    own = _histories_of(known, histories)
    if not own:
        return None
    changes = {name: _last_change(own, name) for name in known.state_names}
    states = {
        name: deepcopy(change.state) for name, change in changes.items() if change and change.state
    }
    needed = known.state_names if is_sure else (known.short_name,)
    if any(changes[name] is None and any(h.has_cursor(name) for h in own) for name in needed):
        # files hold the last hundred states; from the beginning, its rows would come again
        return None
    newest = max(own, key=lambda item: float(item.newest.load_id))
    change = changes[known.short_name] or LastChange(newest.pipeline_name, newest.newest, None)
    return AdoptedResource(
        name=known.name,
        short_name=known.short_name,
        pipeline_name=change.pipeline_name,
        load_id=change.stored.load_id,
        state_version=change.stored.version,
        states=states,
        is_sure=is_sure,
    )


def _histories_of(known: KnownResource, histories: Sequence[SourceHistory]) -> list[SourceHistory]:
    """Return the histories that hold the cursors of a resource.

    A name alone may mean resources of several sources, and a task may keep a copy of the cursor of
    a resource that it does not load.
    """
    found = [item for item in histories if item.knows(known.short_name)]
    found = [item for item in found if item.source_key == known.source_name] or found
    return [item for item in found if known.short_name in item.loaded_names] or found


def _last_change(histories: Iterable[SourceHistory], resource_name: str) -> LastChange | None:
    """Return the last of all; a component that was renamed left an older pipeline behind."""
    changes = [item.changes[resource_name] for item in histories if resource_name in item.changes]
    return max(changes, key=lambda item: float(item.stored.load_id), default=None)


def _source_values(
    adopted: Iterable[KnownResource], histories: Sequence[SourceHistory]
) -> dict[str, dict[str, Any]]:
    keys: dict[str, set[str]] = {}
    for known in adopted:
        own = _histories_of(known, histories)
        keys.setdefault(known.source_name, set()).update(item.source_key for item in own)
    ordered = sorted(histories, key=lambda item: float(item.newest.load_id))
    merged = {
        source_name: _merged(
            item.values for item in ordered if item.source_key in keys[source_name]
        )
        for source_name in keys
    }
    return {source_name: values for source_name, values in merged.items() if values}


def _merged(all_values: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for values in all_values:
        merged = apply_changes(merged, changes_between({}, values))
    return merged


def _named(pipelines: Sequence[StoredPipeline]) -> str:
    return f"pipeline{'s' if len(pipelines) > 1 else ''} {', '.join(p.name for p in pipelines)}"
