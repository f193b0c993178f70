"""`airflow-dlt source`: the sources that a project declares."""

from __future__ import annotations

import typer

from airflow_dlt_provider.cli.source_change import ADD_EXAMPLES, REMOVE_EXAMPLES, add, remove
from airflow_dlt_provider.cli.source_list import LIST_EXAMPLES, list_sources
from airflow_dlt_provider.cli.terminal import OneLineErrors

source_app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    help="List the sources in sources.yml, add one, take one out.",
)
source_app.command("list", epilog=LIST_EXAMPLES)(list_sources)
source_app.command(epilog=ADD_EXAMPLES)(add)
source_app.command(epilog=REMOVE_EXAMPLES)(remove)
