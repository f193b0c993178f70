"""Planned tasks packed into batches: each of them one task, one dlt pipeline, one load package.

A task of Airflow and a pipeline of dlt cost about as much as loading some ten thousand rows. Many
small resources are loaded faster in a few batches than each by itself, and still side by side.

The packing is decided by the plan, by the number of batches and by the seconds that a committed
manifest remembers, never by what one machine alone knows: the scheduler and every worker compute
the same. A batch is named after what is in it, so that a worker that computes another one does not
know the task that it is asked for.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from heapq import heapify, heapreplace
from typing import Any

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import PlanError
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedTask, with_shared_tables
from airflow_dlt_provider.core.planning.task_options import task_options_by_resource


def packed(
    plan: LoadPlan,
    max_tasks: int | None,
    task_options: Mapping[str, Mapping[str, Any]],
    seconds: Mapping[str, float],
) -> LoadPlan:
    """Return *plan* with at most *max_tasks* tasks.

    Tasks are packed together if they have the same options and are equally far down in the order of
    `after`. With *seconds*, the longest ones are dealt out first, each to the batch that has least
    to do; without, tasks are dealt out in turn, so that a resource that is added at the end of the
    source changes one batch.

    Args:
        plan: Its tasks are in the source's order, and stay whole.
        max_tasks: How many tasks there may be; `None` packs nothing.
        task_options: Resource name or glob pattern -> options of its task.
        seconds: Resource name -> how long its loads take, where that is remembered.

    Raises:
        PlanError: There would have to be more tasks, or there is no such number.
    """
    if max_tasks is None:
        return plan
    if not isinstance(max_tasks, int) or isinstance(max_tasks, bool) or max_tasks < 1:
        raise PlanError(f"max_tasks={max_tasks!r} is no whole number above 0")
    is_known = all(task.resources for task in plan.tasks)
    if not is_known or len(plan.tasks) <= max_tasks:
        return plan
    kinds = _kinds(plan, task_options)
    if len(kinds) > max_tasks:
        raise PlanError(
            f"max_tasks={max_tasks} is too few: `after` and `task_options` leave "
            f"{len(kinds)} groups of resources that cannot share a task, such as those of "
            f"{' and '.join(repr(kind[0].key) for kind in kinds[:2])}; allow {len(kinds)} tasks, "
            "or take something out of `after` or `task_options`"
        )
    costs = _costs(plan.tasks, seconds)
    counts = _shares(kinds, costs, max_tasks)
    batches = [
        batch
        for kind, count in zip(kinds, counts, strict=True)
        for batch in (_balanced(kind, count, costs) if seconds else _in_turn(kind, count))
    ]
    return _with_batches(plan, batches)


@dataclass(frozen=True)
class _Step:
    """What tasks must have in common to become one."""

    depth: int
    """How many tasks come one after another before it."""
    options: Mapping[str, Any]


def _kinds(
    plan: LoadPlan, task_options: Mapping[str, Mapping[str, Any]]
) -> list[list[PlannedTask]]:
    """Return the tasks in groups of those that may become one, in the source's order."""
    options = task_options_by_resource(task_options, plan)
    depths = _depths(plan.tasks)
    kinds: list[tuple[_Step, list[PlannedTask]]] = []
    for task in plan.tasks:
        merged = {k: v for name in task.resource_names for k, v in options[name].items()}
        step = _Step(depths[task.key], merged)
        # options are compared, not hashed: some are objects of Kubernetes
        for known, members in kinds:
            if known == step:
                members.append(task)
                break
        else:
            kinds.append((step, [task]))
    return [members for _, members in kinds]


def _depths(tasks: Sequence[PlannedTask]) -> dict[str, int]:
    after = {task.key: task.after for task in tasks}
    depths: dict[str, int] = {}
    for key in TopologicalSorter(after).static_order():
        depths[key] = 1 + max((depths[earlier] for earlier in after[key]), default=-1)
    return depths


def _costs(tasks: Sequence[PlannedTask], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return what each task takes; a resource that nobody has timed takes what most do."""
    usual = statistics.median(seconds.values()) if seconds else 1.0
    return {
        task.key: sum(seconds.get(name, usual) for name in task.resource_names) for task in tasks
    }


def _shares(
    kinds: Sequence[Sequence[PlannedTask]], costs: Mapping[str, float], count: int
) -> list[int]:
    """Deal *count* batches out to the kinds, each to that whose batches have most to do."""
    totals = [sum(costs[task.key] for task in kind) for kind in kinds]
    shares = [1] * len(kinds)
    for _ in range(count - len(kinds)):
        growing = [i for i, kind in enumerate(kinds) if shares[i] < len(kind)]
        if not growing:
            break
        shares[max(growing, key=lambda i: (totals[i] / shares[i], -i))] += 1
    return shares


def _in_turn(tasks: Sequence[PlannedTask], count: int) -> list[list[PlannedTask]]:
    return [list(tasks[first::count]) for first in range(count)]


def _balanced(
    tasks: Sequence[PlannedTask], count: int, costs: Mapping[str, float]
) -> list[list[PlannedTask]]:
    """Pack the longest tasks first, into as few batches as end as early as *count* would.

    No batch then takes more than the mean and its longest task together (Graham, 1969).
    """
    batches = _longest_first(tasks, count, costs)
    end = max(_cost(batch, costs) for batch in batches)
    total = sum(costs[task.key] for task in tasks)
    fewest = max(1, math.ceil(total / end)) if end else 1
    for fewer in range(fewest, count):
        candidate = _longest_first(tasks, fewer, costs)
        if max(_cost(batch, costs) for batch in candidate) <= end:
            return candidate
    return batches


def _longest_first(
    tasks: Sequence[PlannedTask], count: int, costs: Mapping[str, float]
) -> list[list[PlannedTask]]:
    places = {task.key: place for place, task in enumerate(tasks)}
    batches: list[list[PlannedTask]] = [[] for _ in range(count)]
    ends = [(0.0, number) for number in range(count)]
    heapify(ends)
    for task in sorted(tasks, key=lambda task: (-costs[task.key], places[task.key])):
        end, number = ends[0]
        batches[number].append(task)
        heapreplace(ends, (end + costs[task.key], number))
    filled = [sorted(batch, key=lambda task: places[task.key]) for batch in batches if batch]
    return sorted(filled, key=lambda batch: places[batch[0].key])


def _cost(batch: Sequence[PlannedTask], costs: Mapping[str, float]) -> float:
    return sum(costs[task.key] for task in batch)


def _with_batches(plan: LoadPlan, batches: Sequence[Sequence[PlannedTask]]) -> LoadPlan:
    """Return *plan* with one task for each batch, in the source's order."""
    keys = {task.key: _key_of(batch) for batch in batches for task in batch}
    places = {task.key: place for place, task in enumerate(plan.tasks)}
    ordered = sorted(batches, key=lambda batch: places[batch[0].key])
    tasks = [_as_one(batch, keys) for batch in ordered]
    return replace(plan, tasks=with_shared_tables(tasks))


def _key_of(batch: Sequence[PlannedTask]) -> str:
    if len(batch) == 1:
        return batch[0].key
    return names.batch_key([name for task in batch for name in task.resource_names])


def _as_one(batch: Sequence[PlannedTask], keys: Mapping[str, str]) -> PlannedTask:
    resources = tuple(resource for task in batch for resource in task.resources)
    loaded = {resource.name for resource in resources}
    extracted_again = dict.fromkeys(
        name for task in batch for name in task.extracted_again if name not in loaded
    )
    after = dict.fromkeys(keys[earlier] for task in batch for earlier in task.after)
    return PlannedTask(
        key=keys[batch[0].key],
        resources=resources,
        extracted_again=tuple(extracted_again),
        after=tuple(after),
    )
