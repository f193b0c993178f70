"""`airflow dlt ...`: the command line of `airflow-dlt`, where Airflow is at hand.

It reaches Airflow's asset state store and Airflow connections. Airflow imports this module for
every command of its own, so nothing heavy is imported before the command runs. Airflow 3.2 is the
first that takes commands from providers.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.cli.cli_config import CLICommand

    from airflow_dlt_provider.core.state.store import StateStore


def get_cli_commands() -> list[CLICommand]:
    """Return the command, in Airflow's terms."""
    from airflow.cli.cli_config import ActionCommand, Arg

    arguments = Arg(
        ("arguments",),
        nargs=argparse.REMAINDER,
        metavar="COMMAND ...",
        help="as of airflow-dlt; `airflow dlt sync --help` and so on say more",
    )
    return [
        ActionCommand(
            name="dlt",
            help="Declare, check and load dlt sources, and look at and change their state",
            func=run,
            args=(arguments,),
            description="Commands: validate, plan, preview, sync, history, source with list, add "
            "and remove, manifest with build and check, and state with list, show, history, set, "
            "reset, rewind, replay, adopt and publish.",
        )
    ]


def run(parsed: argparse.Namespace) -> None:
    """Run what was typed after `airflow dlt`.

    Args:
        parsed: Has the `arguments` as a list.

    Raises:
        SystemExit: Always, with the exit code.
    """
    from airflow.cli.utils import redirect_stdout_log_handlers_to_stderr
    from airflow.providers_manager import ProvidersManager

    from airflow_dlt_provider.airflow_surroundings import AirflowSurroundings
    from airflow_dlt_provider.cli import app
    from airflow_dlt_provider.cli.stores import opening_stores_with
    from airflow_dlt_provider.cli.surroundings import surrounded_by

    # standard output may have to be one JSON document
    redirect_stdout_log_handlers_to_stderr()
    # `[dlt] state_store` may come from a command or a secrets backend only where it is known
    ProvidersManager().initialize_providers_configuration()
    with opening_stores_with(_open_with_airflow), surrounded_by(AirflowSurroundings()):
        app(args=list(parsed.arguments), prog_name="airflow dlt")


def _open_with_airflow(
    option: str | None, pipeline_name: str, dataset_name: str | None
) -> StateStore:
    from airflow_dlt_provider import settings
    from airflow_dlt_provider.cli.stores import refuse_missing_file
    from airflow_dlt_provider.state_stores.choose import open_server_state_store

    asked = option or settings.state_store()
    if asked and "://" in asked:
        refuse_missing_file(asked)
    return open_server_state_store(asked, pipeline_name, dataset_name)
