"""The command line: `airflow-dlt`. It asks the core, and needs no Airflow."""

from __future__ import annotations

import typer

from airflow_dlt_provider.cli.adopt import adopt
from airflow_dlt_provider.cli.history import HISTORY_EXAMPLES, source_history
from airflow_dlt_provider.cli.manifest import manifest_app
from airflow_dlt_provider.cli.plan import PLAN_EXAMPLES, plan
from airflow_dlt_provider.cli.preview import PREVIEW_EXAMPLES, preview
from airflow_dlt_provider.cli.publish import publish
from airflow_dlt_provider.cli.source import source_app
from airflow_dlt_provider.cli.state import state_app
from airflow_dlt_provider.cli.state_change import replay, reset, rewind, set_cursor
from airflow_dlt_provider.cli.state_show import history, list_resources, show
from airflow_dlt_provider.cli.sync import SYNC_EXAMPLES, sync
from airflow_dlt_provider.cli.terminal import OneLineErrors
from airflow_dlt_provider.cli.validate import VALIDATE_EXAMPLES, validate

__all__ = ["app"]

app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    # they may be secrets
    pretty_exceptions_show_locals=False,
)
app.command(epilog=PLAN_EXAMPLES)(plan)
app.command(epilog=VALIDATE_EXAMPLES)(validate)
app.command(epilog=SYNC_EXAMPLES)(sync)
app.command(epilog=PREVIEW_EXAMPLES)(preview)
app.command("history", epilog=HISTORY_EXAMPLES)(source_history)
app.add_typer(source_app, name="source")
app.add_typer(manifest_app, name="manifest")
app.add_typer(state_app, name="state")
state_app.command("list")(list_resources)
state_app.command()(show)
state_app.command()(history)
state_app.command("set")(set_cursor)
state_app.command()(reset)
state_app.command()(rewind)
state_app.command()(replay)
state_app.command()(adopt)
state_app.command()(publish)


@app.callback()
def main() -> None:
    """Declare, check and load dlt sources, and look at what their loads did."""
