"""From a declared source to the tasks that a sync loads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.planning.manifest import committed_path
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedTask
from airflow_dlt_provider.core.planning.planner import Origin, plan_load
from airflow_dlt_provider.core.planning.selection import is_pattern, match_names
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.sync.purpose import SyncPlaces


@dataclass(frozen=True)
class PlannedSync:
    """The tasks of one source."""

    source: DeclaredSource
    plan: LoadPlan
    origin: Origin = "source"
    warnings: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()
    """Names of the resources that are loaded; empty: all."""

    @property
    def tasks(self) -> tuple[PlannedTask, ...]:
        """The tasks that load something."""
        return tuple(task for task in self.plan.tasks if self._has_part(task))

    def selected_of(self, task: PlannedTask) -> tuple[str, ...]:
        """Return those of a task's resources that are selected; of unknown ones, all."""
        if not task.resources:
            return self.selected
        return tuple(name for name in task.resource_names if name in self.selected)

    def _has_part(self, task: PlannedTask) -> bool:
        is_free = not self.selected or not task.resources
        return is_free or not set(self.selected).isdisjoint(task.resource_names)


def plan_sync(source: DeclaredSource, places: SyncPlaces) -> PlannedSync:
    """Plan all tasks of a source as its Dag does, by the manifest that is committed for it.

    Without one that fits, the source is planned anew; where it cannot be, as it was planned last.

    Raises:
        PlanError: The entry of the source asks for something that is not there.
        SyntaxError, ImportError, NameError, AttributeError: The user's module is wrong.
    """
    spec = source.plan_spec()
    path = places.manifest_dir / names.manifest_file_name(source.name, None)
    with kept_environment():
        planned = plan_load(
            spec,
            path,
            0,
            places.look_ups.find_connection,
            committed=committed_path(spec.source.base_dir, source.name),
        )
    return PlannedSync(source, planned.plan, planned.origin, planned.warnings)


def select_tasks(planned: Sequence[PlannedSync], patterns: Sequence[str]) -> list[PlannedSync]:
    """Restrict a sync to some resources; sources that have none of them are left out.

    Args:
        planned: The sources.
        patterns: Names or glob patterns; a name counts in every source that has it.

    Raises:
        ResourceNotFoundError: A pattern matches nothing in any source.
    """
    if not patterns:
        return list(planned)
    known = [name for item in planned for name in item.plan.resource_names]
    if all(item.plan.resource_names for item in planned):
        wanted = match_names("--select", patterns, known)
    else:
        # a source that could not be planned may have any name
        wanted = [*(name for name in patterns if not is_pattern(name))]
        wanted += match_names("--select", (set(patterns) - set(wanted)), known)
    restricted = [
        replace(
            item,
            selected=tuple(n for n in item.plan.resource_names or wanted if n in wanted),
        )
        for item in planned
    ]
    return [item for item in restricted if item.selected]


@contextmanager
def kept_environment() -> Iterator[None]:
    """Undo what user code does to `os.environ`, which other sources must not see."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)
