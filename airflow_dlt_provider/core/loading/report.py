"""What a load did, as tables for a log or a terminal."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from airflow_dlt_provider.core.loading.result import LoadResult

WIDTH = 140


def render_load(result: LoadResult) -> str:
    """Render one task's load: rows of every table, seconds of every step, cursors."""
    table = _table("table", "rows", "cursor before", "cursor after")
    for load in result.resources:
        for position, (name, rows) in enumerate(load.rows_by_table.items()):
            cursors = (load.cursor_before, load.cursor_after) if position == 0 else ({}, {})
            table.add_row(name, f"{rows:,}", *(_cursor(cursor) for cursor in cursors))
    steps = ", ".join(f"{step} {spent:.2f}" for step, spent in result.seconds_by_step.items())
    loads = ", ".join(result.load_ids) or "none, there was nothing new"
    return (
        f"{counted_rows(result.rows)} into {result.destination}, dataset {result.dataset_name}\n"
        f"{_rendered(table)}\nseconds: {steps}\nload id: {loads}"
    )


def render_run(results: Mapping[str, LoadResult], status_by_task: Mapping[str, str | None]) -> str:
    """Render all loads of a run: one line per resource, and one per task without a result.

    Args:
        results: Task id -> what it loaded.
        status_by_task: Task id -> Airflow's word for how it ended; `None` when it never ran.
    """
    table = _table("resource", "status", "rows", "nested", "seconds", "cursor")
    for task_id, status in status_by_task.items():
        result = results.get(task_id)
        if result is None:
            table.add_row(task_id, status or "not run", "", "", "", "")
            continue
        for load in result.resources:
            rows = load.root_rows
            table.add_row(
                load.resource_name,
                status or "unknown",
                f"{rows:,}",
                f"{load.rows - rows:,}",
                f"{result.seconds:.1f}",
                _cursor(load.cursor_after),
            )
    total = sum(result.rows for result in results.values())
    return f"{_rendered(table)}\n{counted_rows(total)} in all"


def counted_rows(count: int) -> str:
    """Return a number of rows in words: `1 row`, `1,234 rows`."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        is_number = column in ("rows", "nested", "seconds")
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    return table


def _rendered(table: Table) -> str:
    # names and cursors are shown as they are, whatever is in them
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines() if line.strip())


def _cursor(cursor: Mapping[str, Any]) -> str:
    return ", ".join(f"{path} = {_value(value)}" for path, value in cursor.items())


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
