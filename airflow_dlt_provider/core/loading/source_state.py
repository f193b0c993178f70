"""Source-level state: what a source's tasks share, seen where dlt shows it.

A task's source is a clone with a name of its own, and dlt keeps state by the name of the source.
So the state that the run before merged is put under the clone's name before rows are extracted.
While the function of the source runs, the source still has its original name: there the state is
shown under that name, and, as dlt has it, cannot be changed.

A task's own pipeline state also keeps what it was given. Should the store be emptied, what the task
has changed since can still be told from what others had, and the store is filled from the tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, cast

from dlt.common.configuration.container import Container
from dlt.common.pipeline import StateInjectableContext, TPipelineState
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.merge import Change, apply_changes, changes_between
from airflow_dlt_provider.core.state.records import ResourceState, SourceState
from airflow_dlt_provider.core.state.store import StateStore

SEEDS = "airflow_dlt_provider_source_seeds"
"""Key in a pipeline's state: source -> the merged state that its task was given last, and when."""


class SharedSourceState:
    """The source-level state of a task's sources.

    Args:
        pipeline: The task's, restored.
        request: What is to be loaded.
        states: What the store knows of the resources.
        store: Holds what earlier runs merged.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        request: LoadRequest,
        states: Mapping[str, ResourceState],
        store: StateStore,
    ) -> None:
        self._pipeline = pipeline
        self._request = request
        self._states = states
        self._store = store
        self._schema_names: dict[str, str] = {}
        self._merged: dict[str, SourceState | None] = {}
        self._start: dict[str, dict[str, Any]] = {}
        self._learn(request.source_names or self._names_in_state())

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the state to the functions of the sources."""
        state = deepcopy(self._pipeline.state)
        sources = state.setdefault("sources", {})
        sources.update(deepcopy({name: value for name, value in self._start.items() if value}))
        with Container().injectable_context(StateInjectableContext(state=state)):
            yield

    def seed(self, source_names: Iterable[str]) -> None:
        """Give the resources the state that the tasks of earlier runs merged.

        Args:
            source_names: Names of the task's sources, which are known now that they are built.
        """
        self._learn(source_names)
        given = {name: merged for name, merged in self._merged.items() if merged is not None}
        if all(self._seeds().get(name, {}).get("values") == m.values for name, m in given.items()):
            # what it was given it has, with its own changes
            return
        with self._pipeline.managed_state() as state:
            pipeline_state = cast("dict[str, Any]", state)
            sources = pipeline_state.setdefault("sources", {})
            for name, merged in given.items():
                former = sources.get(self._schema_names[name], {})
                resources = {key: former[key] for key in ("resources",) if key in former}
                sources[self._schema_names[name]] = {**deepcopy(self._start[name]), **resources}
                pipeline_state.setdefault(SEEDS, {})[name] = {
                    "values": deepcopy(merged.values),
                    "merged_at": merged.updated_at,
                }

    def changes(self) -> dict[str, list[Change]]:
        """Return source -> what this task adds to the state that it was given."""
        seeds = self._seeds()
        changes = {
            name: changes_between(
                seeds.get(name, {}).get("values", {}), self._own(self._pipeline.state, name)
            )
            for name in self._merged
        }
        return {name: found for name, found in changes.items() if found}

    def seeds(self) -> dict[str, Any]:
        """Return source -> what this task was given, where the store does not know it any more."""
        known = self._seeds()
        lost = [name for name, merged in self._merged.items() if merged is None]
        return {name: deepcopy(known[name]) for name in lost if name in known}

    def _seeds(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self._pipeline.state.get(SEEDS, {}))

    def _learn(self, source_names: Iterable[str]) -> None:
        for name in source_names:
            if name not in self._merged:
                self._schema_names[name] = names.schema_name(name, self._request.task_key)
                self._merged[name] = self._store.read_source(self._request.pipeline_name, name)
                self._start[name] = self._start_of(name)

    def _names_in_state(self) -> list[str]:
        """Return names of sources as the pipeline's state tells them, unless they were changed."""
        suffix = names.schema_name("", self._request.task_key)
        sources = self._pipeline.state.get("sources", {})
        return [name.removesuffix(suffix) for name in sources if name.endswith(suffix)]

    def _start_of(self, name: str) -> dict[str, Any]:
        merged = self._merged[name]
        if merged is None:
            return self._own(self._pipeline.state, name)
        values = dict(merged.values)
        # a run that did not get to its last task left changes that nobody has merged
        unmerged = {
            state.task_pipeline: state
            for state in sorted(self._states.values(), key=_loaded_at)
            if name in state.source_changes and not merged.has_merged(state.changes_id)
        }
        # what a pipeline changes adds to what it was given: its last changes have the older in them
        for state in unmerged.values():
            values = apply_changes(values, state.source_changes[name])
        return values

    def _own(self, state: TPipelineState, name: str) -> dict[str, Any]:
        own = state.get("sources", {}).get(self._schema_names[name], {})
        return {key: value for key, value in own.items() if key != "resources"}


def _loaded_at(state: ResourceState) -> float:
    # the version of dlt's state starts anew in a destination that was emptied
    return state.recent[-1].recorded_at if state.recent else 0.0
