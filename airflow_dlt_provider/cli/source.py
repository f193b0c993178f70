"""`airflow-dlt source`: the sources that a project declares."""

from __future__ import annotations

import typer

from airflow_dlt_provider.cli.source_change import add, remove
from airflow_dlt_provider.cli.source_list import list_sources
from airflow_dlt_provider.cli.terminal import OneLineErrors

source_app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    help="List the sources in sources.yml, add one, take one out.",
)
source_app.command("list")(list_sources)
source_app.command()(add)
source_app.command()(remove)
