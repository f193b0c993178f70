"""`airflow-dlt plan`: the tasks that a source becomes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from airflow_dlt_provider.cli.kwargs import parse_kwargs
from airflow_dlt_provider.cli.source_tree import plan_tree, print_tree
from airflow_dlt_provider.core.errors import DltProviderError
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.spec import DECOMPOSE_MODES, PlanSpec, SourceSpec


def plan(
    source: Annotated[str, typer.Argument(help="module:function, relative to --base-dir")],
    base_dir: Annotated[
        Path, typer.Option(help="Folder of the Dag file that names the source.")
    ] = Path(),
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
        str, typer.Option(help=f"One of: {', '.join(DECOMPOSE_MODES)}.")
    ] = "resource",
    configure: Annotated[
        str | None, typer.Option(help="module:function that takes and returns the source.")
    ] = None,
) -> None:
    """Show the tasks of a source as a tree, without loading anything."""
    if decompose not in DECOMPOSE_MODES:
        raise typer.BadParameter(f"one of: {', '.join(DECOMPOSE_MODES)}", param_hint="--decompose")
    spec = PlanSpec(
        source=SourceSpec(source, base_dir.resolve(), parse_kwargs(kwarg or []), configure),
        resources=tuple(resource) if resource else None,
        exclude=tuple(exclude or ()),
        decompose=decompose,
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            planned = plan_load(spec, Path(folder) / "manifest.json")
    except (DltProviderError, ImportError, SyntaxError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None
    print_tree(plan_tree(source, planned.plan))
    for warning in planned.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    if planned.origin != "source":
        raise typer.Exit(1)
