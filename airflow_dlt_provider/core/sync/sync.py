"""A sync from its planned sources to its end: loads, and then the state that tasks share."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from airflow_dlt_provider.core.errors import DltProviderError
from airflow_dlt_provider.core.loading.result import LoadResult
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.source_merge import merge_source_changes
from airflow_dlt_provider.core.state.store import StateStore
from airflow_dlt_provider.core.sync.child import LoadJob
from airflow_dlt_provider.core.sync.messages import Failure, Outcome
from airflow_dlt_provider.core.sync.plan import PlannedSync
from airflow_dlt_provider.core.sync.run import GOOD, SyncListener, SyncTask, run_tasks

MAX_DEFAULT_WORKERS = 8


@dataclass(frozen=True)
class PreparedSource:
    """A source whose tasks may run."""

    planned: PlannedSync
    requests: Mapping[str, LoadRequest]
    """Task key -> what it loads."""
    open_store: Callable[[], StateStore]
    """Opens the state store; it is called in every process of the sync, and travels there."""


@dataclass(frozen=True)
class SyncResult:
    """How a sync ended."""

    outcomes: Mapping[str, Outcome]
    """Key of a task (see `task_id`) -> how it ended."""
    warnings: tuple[str, ...] = ()

    @property
    def results(self) -> dict[str, LoadResult]:
        """What was loaded, by key of the task."""
        return {key: outcome.result for key, outcome in self.outcomes.items() if outcome.result}

    @property
    def is_good(self) -> bool:
        """Whether nothing failed, and nothing was left out."""
        return all(outcome.status in GOOD for outcome in self.outcomes.values())

    @property
    def is_interrupted(self) -> bool:
        """Whether a person stopped it."""
        return any(outcome.status == "interrupted" for outcome in self.outcomes.values())


def task_id(source_name: str, task_key: str) -> str:
    """Name a task of a sync, which may have several sources."""
    return f"{source_name}.{task_key}"


def default_workers() -> int:
    """Return how many tasks run at once unless somebody says otherwise."""
    return min(os.cpu_count() or 1, MAX_DEFAULT_WORKERS)


def run_sync(
    sources: Sequence[PreparedSource],
    workers: int,
    listener: SyncListener,
    *,
    is_debugged: bool = False,
) -> SyncResult:
    """Load all tasks of *sources*, and merge what they changed in source-level state.

    Args:
        sources: What is to be loaded.
        workers: How many tasks run at once, at most.
        listener: Is told what happens.
        is_debugged: Whether the core's log is written to standard error.
    """
    tasks = [task for source in sources for task in _tasks(source, is_debugged=is_debugged)]
    outcomes = run_tasks(tasks, workers, listener)
    warnings = [line for source in sources for line in _merge(source, outcomes)]
    return SyncResult(outcomes, tuple(warnings))


def _tasks(source: PreparedSource, *, is_debugged: bool) -> Iterable[SyncTask]:
    name, environment = source.planned.source.name, dict(os.environ)
    for task in source.planned.tasks:
        job = LoadJob(source.requests[task.key], source.open_store, environment, is_debugged)
        # what the sync leaves out is not waited for
        after = tuple(task_id(name, key) for key in task.after if key in source.requests)
        yield SyncTask(task_id(name, task.key), job, after)


def _merge(source: PreparedSource, outcomes: Mapping[str, Outcome]) -> list[str]:
    """Do what the last task of a run does, and describe what was in conflict."""
    name = source.planned.source.name
    results = [outcomes[task_id(name, key)].result for key in source.requests]
    changes = {item.pipeline_name: item.changes for item in results if item and item.changes}
    if not changes:
        return []
    try:
        with contextlib.closing(source.open_store()) as store:
            return merge_source_changes(store, source.planned.source.pipeline_name, changes)
    except DltProviderError as error:
        return [f"the state that tasks of {name} share was not merged: {error}"]


def failed_tasks(outcomes: Mapping[str, Outcome]) -> dict[str, Failure]:
    """Return the tasks that failed, and why."""
    return {key: item.failure for key, item in outcomes.items() if item.failure}
