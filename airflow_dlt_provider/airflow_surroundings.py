"""What a command finds around it where Airflow is at hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import typer

from airflow_dlt_provider import settings
from airflow_dlt_provider.cli.stores import refuse_missing_file
from airflow_dlt_provider.cli.surroundings import Surroundings
from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.worker_values import LookUps
from airflow_dlt_provider.core.spec import SECRETS_VARIABLE
from airflow_dlt_provider.core.state.store import StateStore
from airflow_dlt_provider.core.sync.stores import open_or_make_store


class AirflowSurroundings(Surroundings):
    """A machine with Airflow, its configuration, Variables and connections.

    The asset state store is written by Airflow's tasks alone. A sync keeps its history in the
    SQLite file then, and says so: cursors are in the destination, from where syncs and runs go on
    alike.
    """

    def data_dir(self, _project_dir: Path) -> Path:
        """Return the folder of the default DuckDB file."""
        return settings.data_dir()

    def manifest_dir(self, _project_dir: Path) -> Path:
        """Return the folder in which plans are kept."""
        return settings.manifest_dir()

    def store_of(
        self, option: str | None, source: DeclaredSource, _project_dir: Path
    ) -> Callable[[], StateStore]:
        """Return what opens the state store of a source, in any process of this machine."""
        from airflow_dlt_provider.state_stores import choose

        asked = choose.server_state_store(option)
        if asked == choose.ASSET:
            asked = settings.state_store_url()
            typer.echo(
                f"Warning: {source.name}: tasks alone write to Airflow's asset state store; the "
                f"history of this sync is kept in {asked}, or where --store says. Runs of the Dag "
                "go on from its cursors all the same",
                err=True,
            )
        # a connection is Airflow's, and a process without it opens a URL
        if "://" in asked:
            return partial(open_or_make_store, asked)
        return partial(choose.open_sql_store, asked)

    def known_store(
        self, option: str | None, source: DeclaredSource, _project_dir: Path
    ) -> StateStore:
        """Open the state store of a source to look into it; without an asset of it, the file."""
        from airflow_dlt_provider.state_stores import choose

        asked = choose.server_state_store(option)
        if asked == choose.ASSET:
            try:
                return choose.open_server_state_store(
                    asked, source.pipeline_name, source.dataset_name
                )
            except StateError:
                asked = settings.state_store_url()
        if "://" in asked:
            refuse_missing_file(asked)
        return choose.open_sql_store(asked)

    def look_ups(self) -> LookUps:
        """Return what is known of secrets outside the project: Variables and connections."""
        from airflow.sdk import Variable

        from airflow_dlt_provider.hooks.dlt import read_connection

        variable = partial(Variable.get, default=None)
        return LookUps(variable(SECRETS_VARIABLE), variable, read_connection)
