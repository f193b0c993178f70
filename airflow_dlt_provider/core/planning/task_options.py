"""What is said of tasks by the resources that they load.

Nothing here knows what an option means: it is an argument of the caller's operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dlt_provider.core.errors import PlanError, ResourceNotFoundError
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedTask
from airflow_dlt_provider.core.planning.selection import match_names


def names_in(task: PlannedTask) -> tuple[str, ...]:
    """Return the names by which a task is asked for."""
    # a task that stands for a whole source goes by its own key
    return task.resource_names or (task.key,)


def task_options_by_resource(
    task_options: Mapping[str, Mapping[str, Any]], plan: LoadPlan
) -> dict[str, dict[str, Any]]:
    """Return the options of each resource in *plan*; those that are said later win.

    Args:
        task_options: Resource name or glob pattern -> options.
        plan: What is loaded.

    Raises:
        ResourceNotFoundError: A name or pattern matches nothing that is loaded.
        PlanError: Options are no mapping.
    """
    available = [name for task in plan.tasks for name in names_in(task)]
    by_resource: dict[str, dict[str, Any]] = {name: {} for name in available}
    for pattern, options in task_options.items():
        if not isinstance(options, Mapping):
            raise PlanError(
                f"task_options[{pattern!r}]={options!r} is no mapping; write the operator's "
                f'arguments, for example {{"{pattern}": {{"retries": 5}}}}'
            )
        try:
            matching = match_names("task_options", [pattern], available)
        except ResourceNotFoundError:
            if plan.known_resources:
                raise
            # nobody knows the names of a source that could not be planned
            continue
        for name in matching:
            by_resource[name] |= options
    return by_resource
