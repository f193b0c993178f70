"""`airflow-dlt plan`: the tasks that a source becomes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from airflow_dlt_provider.cli.examples import examples
from airflow_dlt_provider.cli.kwargs import parse_kwargs
from airflow_dlt_provider.cli.projects import (
    ProjectOption,
    find_project_dir,
    named_source,
    open_project,
)
from airflow_dlt_provider.cli.redaction import Redaction
from airflow_dlt_provider.cli.source_tree import plan_tree, print_source_tree, print_tree
from airflow_dlt_provider.cli.sync_options import DataDirOption
from airflow_dlt_provider.core.errors import DltProviderError
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.spec import DECOMPOSE_MODES, PlanSpec, SourceSpec

PLAN_EXAMPLES = examples(
    ("plan shop", "a source of sources.yml"),
    ("plan my_shop:shop --base-dir dags", "a source of a Dag file"),
    ("plan my_shop:shop --kwarg since=2026-01-01", "with an argument of its function"),
)


def plan(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Its name in sources.yml, or module:function, relative to --base-dir.",
        ),
    ],
    project: ProjectOption = None,
    data_dir: DataDirOption = None,
    base_dir: Annotated[
        Path | None, typer.Option(help="Folder of the Dag file that names the source.")
    ] = None,
    kwarg: Annotated[
        list[str] | None,
        typer.Option(help="name=value, an argument of the function; a value may be JSON."),
    ] = None,
    resource: Annotated[
        list[str] | None, typer.Option(help="Name or glob pattern; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Name or glob pattern; may be repeated.")
    ] = None,
    decompose: Annotated[
        str | None,
        typer.Option(help=f"One of: {', '.join(DECOMPOSE_MODES)}. Default: resource."),
    ] = None,
    configure: Annotated[
        str | None, typer.Option(help="module:function that takes and returns the source.")
    ] = None,
) -> None:
    """Show the tasks of a source as a tree, without loading anything.

    --base-dir, --kwarg, --resource, --exclude, --decompose and --configure are for
    module:function; sources.yml says all of that of its own sources.
    """
    given = {
        "--base-dir": base_dir, "--kwarg": kwarg, "--resource": resource, "--exclude": exclude,
        "--decompose": decompose, "--configure": configure,
    }  # fmt: skip
    said = [name for name, value in given.items() if value]
    # without a project, what is no reference is told as such
    if ":" not in source and (project or (not said and find_project_dir())):
        if said:
            raise typer.BadParameter(f"{', '.join(said)}: for module:function alone")
        _show_declared(source, project, data_dir)
        return
    if decompose not in (None, *DECOMPOSE_MODES):
        raise typer.BadParameter(f"one of: {', '.join(DECOMPOSE_MODES)}", param_hint="--decompose")
    kwargs = parse_kwargs(kwarg or [])
    spec = PlanSpec(
        source=SourceSpec(source, (base_dir or Path()).resolve(), kwargs, configure),
        resources=tuple(resource) if resource else None,
        exclude=tuple(exclude or ()),
        decompose=decompose or "resource",
    )
    _show_reference(source, spec)


def _show_reference(reference: str, spec: PlanSpec) -> None:
    try:
        with tempfile.TemporaryDirectory() as folder:
            planned = plan_load(spec, Path(folder) / "manifest.json")
    except (DltProviderError, ImportError, SyntaxError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None
    print_tree(plan_tree(reference, planned.plan))
    for warning in planned.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    if planned.origin != "source":
        raise typer.Exit(1)


def _show_declared(name: str, project: Path | None, data_dir: Path | None) -> None:
    opened = open_project(project)
    declared = named_source(opened, name)
    # this brings dlt, which other commands can do without
    from airflow_dlt_provider.cli.preparing import places_of, plan_sources

    redaction = Redaction()
    with redaction.standard_streams(), tempfile.TemporaryDirectory() as folder:
        places = places_of(opened.project_dir, data_dir, Path(folder))
        planned, failures = plan_sources([declared], places, redaction)
        for item in planned:
            print_source_tree(item, places.data_dir)
        for problem in failures.values():
            typer.echo(f"Error: {declared.name}: {problem}", err=True)
    if failures or any(item.origin not in ("source", "manifest") for item in planned):
        raise typer.Exit(1)
