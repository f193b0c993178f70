"""The records of a plan: what comes out of planning, and what Dags are built from.

Nothing here imports dlt, so that a Dag can be built from a plan that was made earlier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class DeclaredTable:
    """What a resource declares of a table."""

    primary_key: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    """Column -> dlt's data type; empty text where none is declared."""


@dataclass(frozen=True)
class PlannedResource:
    """One resource that a task loads."""

    name: str
    """The resource's name; `<source>__<resource>` where there are several sources."""
    table_name: str
    """Its root table. A resource that names tables row by row goes by its own name here."""
    write_disposition: str
    declared: DeclaredTable = field(default_factory=DeclaredTable)
    nested: dict[str, DeclaredTable] = field(default_factory=dict)
    """Path below the root table, with dots -> what is declared of the nested table."""
    cursor_path: str | None = None
    initial_value: str | None = None
    """Where the cursor starts, if it is a number or a text that stands in the source."""


@dataclass(frozen=True)
class PlannedTask:
    """One task to be."""

    key: str
    """Its id inside the Dag or the group."""
    resources: tuple[PlannedResource, ...]
    extracted_again: tuple[str, ...] = ()
    """Resources that this task extracts and does not load: they feed one of its own."""
    after: tuple[str, ...] = ()
    """Keys of the tasks that must have succeeded."""
    shared_tables: tuple[str, ...] = ()
    """Root tables that other tasks write too."""

    @property
    def resource_names(self) -> tuple[str, ...]:
        """Names of the resources that the task loads."""
        return tuple(resource.name for resource in self.resources)


@dataclass(frozen=True)
class LoadPlan:
    """All tasks of a source, and what its reader should know."""

    tasks: tuple[PlannedTask, ...]
    known_resources: tuple[str, ...] = ()
    """Names of all resources that the source had, loaded or not; empty when it was not seen."""
    warnings: tuple[str, ...] = ()
    source_names: tuple[str, ...] = ()
    """Names of the sources; empty when they were not seen."""

    @property
    def resource_names(self) -> tuple[str, ...]:
        """Names of all resources that are loaded, as the source declares them.

        Empty where a task's are not known.
        """
        if not all(task.resources for task in self.tasks):
            return ()
        places = {name: place for place, name in enumerate(self.known_resources)}
        names = (name for task in self.tasks for name in task.resource_names)
        return tuple(sorted(names, key=lambda name: places.get(name, len(places))))

    def task_of(self, resource_name: str) -> PlannedTask:
        """Return the task that loads *resource_name*."""
        return next(task for task in self.tasks if resource_name in task.resource_names)


def with_shared_tables(tasks: Sequence[PlannedTask]) -> tuple[PlannedTask, ...]:
    """Return *tasks* with the root tables that others of them write too."""
    writers = Counter(
        table for task in tasks for table in {item.table_name for item in task.resources}
    )
    return tuple(
        replace(
            task,
            shared_tables=tuple(
                dict.fromkeys(r.table_name for r in task.resources if writers[r.table_name] > 1)
            ),
        )
        for task in tasks
    )


def parse_plan(document: Mapping[str, Any]) -> LoadPlan:
    """Return the plan that `dataclasses.asdict` turned into *document*.

    Raises:
        KeyError, TypeError: *document* is no plan.
    """
    return LoadPlan(
        tasks=tuple(
            PlannedTask(
                key=task["key"],
                resources=tuple(_parse_resource(resource) for resource in task["resources"]),
                extracted_again=tuple(task["extracted_again"]),
                after=tuple(task["after"]),
                shared_tables=tuple(task["shared_tables"]),
            )
            for task in document["tasks"]
        ),
        known_resources=tuple(document["known_resources"]),
        warnings=tuple(document["warnings"]),
        source_names=tuple(document["source_names"]),
    )


def _parse_resource(document: Mapping[str, Any]) -> PlannedResource:
    tables = {
        "declared": _parse_table(document.get("declared", {})),
        "nested": {path: _parse_table(table) for path, table in document.get("nested", {}).items()},
    }
    return PlannedResource(**{**document, **tables})


def _parse_table(document: Mapping[str, Any]) -> DeclaredTable:
    return DeclaredTable(tuple(document.get("primary_key", ())), dict(document.get("columns", {})))
