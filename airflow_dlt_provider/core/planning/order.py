"""The order between tasks that the user asks for in `after`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from airflow_dlt_provider.core.errors import DependencyCycleError
from airflow_dlt_provider.core.planning.plan import PlannedTask
from airflow_dlt_provider.core.planning.selection import match_names


def ordered(
    tasks: tuple[PlannedTask, ...], after: Mapping[str, tuple[str, ...]]
) -> tuple[PlannedTask, ...]:
    """Return *tasks* with `after` filled in: resource name -> the resources loaded before it.

    Raises:
        ResourceNotFoundError: A name matches no resource that is loaded.
        DependencyCycleError: The order goes round in a circle.
    """
    loaded = [name for task in tasks for name in task.resource_names]
    key_by_resource = {name: task.key for task in tasks for name in task.resource_names}
    before: dict[str, set[str]] = {task.key: set() for task in tasks}
    for later, earlier_names in after.items():
        for name in match_names("after", [later], loaded):
            for earlier in match_names(f"after[{later!r}]", earlier_names, loaded):
                if earlier == name and len(earlier_names) == 1:
                    raise DependencyCycleError([name, name])
                before[key_by_resource[name]].add(key_by_resource[earlier])
    for key, keys in before.items():
        # resources of one task are loaded together, whatever their order
        keys.discard(key)
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        raise DependencyCycleError(reversed(error.args[1])) from None
    return tuple(
        replace(task, after=tuple(other.key for other in tasks if other.key in before[task.key]))
        for task in tasks
    )
