"""`airflow-dlt source list`: what a project declares, and when it was last loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from airflow_dlt_provider.cli.examples import examples
from airflow_dlt_provider.cli.projects import ProjectOption, open_project
from airflow_dlt_provider.cli.state import JsonOption, StoreOption
from airflow_dlt_provider.cli.surroundings import surroundings
from airflow_dlt_provider.cli.terminal import print_json, print_table
from airflow_dlt_provider.core.control.declared_sources import source_document
from airflow_dlt_provider.core.control.resources import KnownResources
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.project import Project
from airflow_dlt_provider.core.registry.unreferenced import (
    find_unreferenced,
    unreferenced_warning,
)
from airflow_dlt_provider.core.state.records import LoadRecord

COLUMNS = ("name", "type", "enabled", "function", "schedule", "last load", "rows", "mistakes")

LIST_EXAMPLES = examples(
    ("source list", "all of them"),
    ("source list --enabled-only --json", "those that have a Dag, for a script"),
)


def list_sources(
    project: ProjectOption = None,
    enabled_only: Annotated[
        bool, typer.Option("--enabled-only", help="Leave out disabled sources.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every source in sources.yml, with its last load and what is wrong about it.

    JSON: `file`, `unreferenced`, `mistakes` of the file itself, and for each of `sources`:
    `name`, `type`, `enabled`, `function`, `schedule`, `dataset_name`, `pipeline_name`,
    `description`, `tags`, `last_load`, `status`, `rows`, `mistakes`. Of a source with a mistake
    only `name` and `mistakes` are known.
    """
    opened = open_project(project)
    listed = [
        source_document(opened, name, _last_loads(opened, name, store))
        for name in opened.names
        if not enabled_only or not _is_disabled(opened, name)
    ]
    if as_json:
        document: dict[str, Any] = {
            "file": str(opened.file),
            "unreferenced": [path.as_posix() for path in find_unreferenced(opened)],
            "mistakes": [str(item) for item in opened.mistakes if item.source_name is None],
            "sources": listed,
        }
        print_json(document)
        return
    if warning := unreferenced_warning(opened):
        typer.echo(f"{warning}\n")
    if listed:
        print_table(COLUMNS, [_row(item) for item in listed])
    else:
        typer.echo(f"{opened.file} has no sources; `airflow-dlt source add NAME` adds one")
    for mistake in opened.mistakes:
        typer.echo(f"{mistake.level.capitalize()}: {mistake}", err=True)


def _source(project: Project, name: str) -> DeclaredSource | None:
    return next((source for source in project.sources if source.name == name), None)


def _is_disabled(project: Project, name: str) -> bool:
    source = _source(project, name)
    return source is not None and not source.is_enabled


def _last_loads(project: Project, name: str, store_option: str | None) -> Sequence[LoadRecord]:
    """Return the last load of every resource, as far as a state store knows of them.

    Raises:
        Exception: The store that a person named is none, or cannot be read.
    """
    source = _source(project, name)
    if source is None:
        return ()
    try:
        store = surroundings().known_store(store_option, source, project.project_dir)
        known = KnownResources(store, source.pipeline_name)
        return [load for name in known.names if (load := known.last_load(name))]
    except Exception:
        # sources are listed before anything was loaded, too, and where Airflow has no database yet
        if store_option:
            raise
        return ()


def _row(item: dict[str, Any]) -> tuple[str, ...]:
    mistakes = len(item["mistakes"])
    enabled = {True: "yes", False: "no", None: ""}[item.get("enabled")]
    rows = item.get("rows")
    return (
        item["name"],
        item.get("type", ""),
        enabled,
        item.get("function", ""),
        item.get("schedule") or "",
        item.get("last_load") or "",
        "" if rows is None else f"{rows:,}",
        str(mistakes) if mistakes else "",
    )
