"""The tasks of a source as a tree, with where they load to."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.tree import Tree

from airflow_dlt_provider.cli.terminal import UNLIMITED_WIDTH
from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedTask
from airflow_dlt_provider.core.registry.addresses import CONNECTION, without_password
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.sync.plan import PlannedSync


def print_source_tree(planned: PlannedSync, data_dir: Path) -> None:
    """Print what a sync of a source loads.

    Args:
        planned: The source.
        data_dir: The folder of the default DuckDB file.
    """
    source = planned.source
    tree = Tree(f"{source.name}: {_tasks(len(planned.tasks))}")
    tree.add(f"destination {destination_text(source, data_dir)}, dataset {source.dataset_name}")
    for task in planned.tasks:
        add_task(tree, task, planned.selected)
    print_tree(tree)


def plan_tree(title: str, plan: LoadPlan) -> Tree:
    """Return the tree of a plan."""
    tree = Tree(f"{title}: {_tasks(len(plan.tasks))}")
    for task in plan.tasks:
        add_task(tree, task)
    return tree


def add_task(tree: Tree, task: PlannedTask, selected: tuple[str, ...] = ()) -> None:
    """Add a task and its resources to a tree.

    Args:
        tree: The tree.
        task: The task.
        selected: Those of the resources that are loaded; empty: all.
    """
    branch = tree.add(_title(task))
    for resource in task.resources:
        if not selected or resource.name in selected:
            branch.add(
                f"{resource.name} -> table {resource.table_name}, {resource.write_disposition}"
            )
    for name in task.extracted_again:
        branch.add(f"{name}, extracted again and not loaded")


def print_tree(tree: Tree) -> None:
    """Print a tree; names are shown as they are, whatever is in them."""
    width = None if sys.stdout.isatty() else UNLIMITED_WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(tree)


def destination_text(source: DeclaredSource, data_dir: Path) -> str:
    """Say where a source is loaded to, as it is written, without a password."""
    if source.destination_conn_id:
        return f"{CONNECTION}{source.destination_conn_id}"
    if source.destination:
        return without_password(source.destination)
    file_name = names.database_file_name(source.pipeline_name, is_declared=True)
    return f"duckdb ({data_dir / file_name}), unless dlt is configured for another"


def _title(task: PlannedTask) -> str:
    after = f", after {', '.join(task.after)}" if task.after else ""
    whole = "" if task.resources else ", the whole source"
    return f"{task.key}{after}{whole}"


def _tasks(count: int) -> str:
    return f"{count} task{'s' if count != 1 else ''}"
