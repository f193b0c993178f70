"""The decomposition policy: which tasks a source becomes, and what each of them loads.

`resource`
    One task per selected resource: the unit of retry, cursor and history. The task of a
    transformer extracts the resource that feeds it once more, with a cursor of its own, and
    loads only the transformer. That is right, and costs requests; the plan says which.
`component`
    One task per tree of resources that feed each other, so that nothing is extracted twice.
`none`
    One task.

The same source always gives the same plan, in the order in which the source declares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from dlt.common.schema import Schema
from dlt.extract import DltResource, DltSource

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import (
    PlanError,
    TableConflictError,
)
from airflow_dlt_provider.core.planning.hints import declared_hints
from airflow_dlt_provider.core.planning.order import ordered
from airflow_dlt_provider.core.planning.plan import (
    LoadPlan,
    PlannedResource,
    PlannedTask,
    with_shared_tables,
)
from airflow_dlt_provider.core.planning.selection import Candidate, candidates, select
from airflow_dlt_provider.core.spec import Decompose, PlanSpec


def plan_tasks(sources: list[DltSource], spec: PlanSpec) -> LoadPlan:
    """Plan the tasks of *sources* as *spec* asks.

    Raises:
        ResourceNotFoundError: A name or pattern matches no resource.
        TableConflictError: Two tasks write one table, and one of them replaces it.
        PlanError: Nothing is selected, nothing feeds a transformer, or two resources would get
            one task id.
        DependencyCycleError: `after` goes round in a circle.
    """
    available = candidates(sources)
    chosen = select(available, spec.resources, spec.exclude)
    _check_fed(chosen)
    groups = _group(chosen, sources, spec.grouping)
    tasks = tuple(_plan_task(key, group) for key, group in groups)
    _check_ids(tasks)
    tasks = ordered(tasks, spec.after)
    return LoadPlan(
        with_shared_tables(tasks),
        known_resources=tuple(candidate.name for candidate in available),
        warnings=(*_table_warnings(tasks), *_extraction_warnings(tasks)),
        source_names=tuple(source.name for source in sources),
    )


def _group(
    chosen: list[Candidate], sources: list[DltSource], decompose: Decompose
) -> list[tuple[str, list[Candidate]]]:
    """Return the chosen resources by the key of the task that loads them."""
    if decompose == "none":
        return [(names.task_key(names.SEPARATOR.join(source.name for source in sources)), chosen)]
    if decompose == "resource":
        return [(names.task_key(candidate.name), [candidate]) for candidate in chosen]
    trees: dict[tuple[str, str], list[Candidate]] = {}
    for candidate in chosen:
        root = (candidate.short_name, *candidate.parents)[-1]
        trees.setdefault((candidate.source.name, root), []).append(candidate)
    return [(names.task_key(_root_name(root, tree)), tree) for (_, root), tree in trees.items()]


def _root_name(root: str, tree: list[Candidate]) -> str:
    # the root of a tree is not among its loaded resources when it is deselected or hidden
    return next((item.name for item in tree if item.short_name == root), tree[0].name)


def _plan_task(key: str, group: list[Candidate]) -> PlannedTask:
    loaded = {candidate.short_name for candidate in group}
    parents = dict.fromkeys(
        parent for item in group for parent in item.parents if parent not in loaded
    )
    return PlannedTask(key, tuple(_plan_resource(item) for item in group), tuple(parents))


def _plan_resource(candidate: Candidate) -> PlannedResource:
    return PlannedResource(
        name=candidate.name,
        table_name=root_table(candidate.resource, candidate.source.schema),
        write_disposition=disposition_of(candidate.resource),
        **declared_hints(candidate.resource),
    )


def root_table(resource: DltResource, schema: Schema) -> str:
    """Return the root table of *resource*, as the destination names it.

    A resource that names tables row by row goes by its own name.
    """
    table_name = resource.name if resource.has_dynamic_table_name else str(resource.table_name)
    return str(schema.naming.normalize_table_identifier(table_name))


def disposition_of(resource: DltResource) -> str:
    """Return the write disposition of *resource* as one word.

    It is `dynamic` if each row decides, and `scd2` for a merge that keeps former versions of rows.
    """
    disposition = resource.write_disposition
    if isinstance(disposition, Mapping):
        is_scd2 = disposition.get("strategy") == "scd2"
        return "scd2" if is_scd2 else str(disposition["disposition"])
    return "dynamic" if callable(disposition) else str(disposition)


def _check_fed(chosen: Iterable[Candidate]) -> None:
    for candidate in chosen:
        if not candidate.resource._pipe.is_data_bound:
            raise PlanError(
                f"resource {candidate.name!r} is a transformer that no resource feeds; write "
                f"`parent | {candidate.short_name}`, name one in data_from=, or exclude it"
            )


def _check_ids(tasks: Iterable[PlannedTask]) -> None:
    for key, count in Counter(task.key for task in tasks).items():
        if count > 1:
            raise PlanError(
                f"{count} tasks would be named {key!r}; rename one of the resources or sources"
            )


def _table_warnings(tasks: tuple[PlannedTask, ...]) -> list[str]:
    writers: dict[str, list[tuple[str, PlannedResource]]] = {}
    for task in tasks:
        for resource in task.resources:
            writers.setdefault(resource.table_name, []).append((task.key, resource))
    warnings = []
    for table_name, written_by in writers.items():
        if len({key for key, _ in written_by}) == 1:
            continue
        resource_names = [resource.name for _, resource in written_by]
        if any(resource.write_disposition == "replace" for _, resource in written_by):
            raise TableConflictError(table_name, resource_names)
        warnings.append(
            f"resources {', '.join(resource_names)} write one table, {table_name!r}, "
            "in tasks of their own"
        )
    return warnings


def _extraction_warnings(tasks: tuple[PlannedTask, ...]) -> list[str]:
    extracted = Counter(name for task in tasks for name in task.extracted_again)
    extracted.update(
        resource.name for task in tasks for resource in task.resources if resource.name in extracted
    )
    return [
        f"resource {name!r} is extracted {count} times, because {count} tasks need its rows; "
        'decompose="component" extracts it once'
        for name, count in extracted.items()
        if count > 1
    ]
