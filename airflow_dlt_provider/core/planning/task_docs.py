"""The documentation of a task, as Markdown for Airflow's UI, from its plan alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from airflow_dlt_provider.core.planning.plan import DeclaredTable, PlannedResource, PlannedTask

MAX_COLUMNS = 100
"""The documentation is in the serialized Dag: of wider tables, the first columns are shown."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~&])")


def task_docs(planned: PlannedTask, source_names: Sequence[str]) -> str:
    """Return what a task loads, and what its resources declare.

    Args:
        planned: The task.
        source_names: Names of the sources; empty when they were not seen.
    """
    source = ", ".join(source_names)
    if not planned.resources:
        return "Loads all that its source selects, which could not be planned in tasks."
    blocks = [
        "\n".join(_resource_lines(resource, planned, source)) for resource in planned.resources
    ]
    return "\n\n".join(blocks)


# a thousand tasks name the same types and much the same columns
@lru_cache(maxsize=4096)
def escaped(text: str) -> str:
    """Return *text* for Markdown, in which nothing of it is markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _resource_lines(resource: PlannedResource, planned: PlannedTask, source: str) -> Iterator[str]:
    yield f"### {escaped(resource.name)}"
    yield ""
    yield from _table(("resource", escaped(resource.name)), _facts(resource, planned, source))
    yield from _columns(resource.declared)
    for path, table in resource.nested.items():
        yield ""
        yield f"Nested in {escaped(path)}" + _key(table)
        yield from _columns(table)


def _facts(
    resource: PlannedResource, planned: PlannedTask, source: str
) -> Iterator[tuple[str, str]]:
    cursor = resource.cursor_path or ""
    if cursor and resource.initial_value is not None:
        cursor = f"{cursor}, from {resource.initial_value}"
    facts = {
        "source": source,
        "table": resource.table_name,
        "write disposition": resource.write_disposition,
        "primary key": ", ".join(resource.declared.primary_key),
        "cursor": cursor,
        "extracted again for this task": ", ".join(planned.extracted_again),
    }
    return ((name, escaped(value)) for name, value in facts.items() if value)


def _columns(table: DeclaredTable) -> Iterator[str]:
    if not table.columns:
        return
    shown = list(table.columns.items())[:MAX_COLUMNS]
    yield ""
    yield from _table(("column", "type"), ((escaped(name), escaped(kind)) for name, kind in shown))
    if len(table.columns) > MAX_COLUMNS:
        yield ""
        yield f"and {len(table.columns) - MAX_COLUMNS:,} more columns"


def _key(table: DeclaredTable) -> str:
    keys = ", ".join(escaped(key) for key in table.primary_key)
    return f", primary key {keys}" if keys else ""


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"| {head[0]} | {head[1]} |"
    yield "| --- | --- |"
    for row in rows:
        yield f"| {row[0]} | {row[1]} |"
