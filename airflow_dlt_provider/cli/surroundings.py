"""What a command finds around it: without Airflow, environment variables and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path

from airflow_dlt_provider.cli.places import airflow_home, default_data_dir, has_airflow_home
from airflow_dlt_provider.cli.stores import (
    DEFAULT_FILE,
    configured_store,
    needs_airflow,
    refuse_missing_file,
)
from airflow_dlt_provider.core.registry.airflow_connection_env import connection_from_environment
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.worker_values import LookUps
from airflow_dlt_provider.core.state.store import StateStore
from airflow_dlt_provider.core.sync.stores import open_or_make_store

MANIFESTS = "dlt_manifests"


class Surroundings:
    """A machine that may know nothing of Airflow."""

    def data_dir(self, project_dir: Path) -> Path:
        """Return the folder of the default DuckDB file."""
        return default_data_dir(project_dir)

    def manifest_dir(self, project_dir: Path) -> Path:
        """Return the folder in which plans are kept."""
        return self._own_folder(project_dir) / MANIFESTS

    def store_of(
        self, option: str | None, source: DeclaredSource, project_dir: Path
    ) -> Callable[[], StateStore]:
        """Return what opens the state store of a source, in any process of this machine.

        Args:
            option: The SQLAlchemy URL of a database; `None` for what is configured, else a SQLite
                file, which a first load makes.
            source: The source.
            project_dir: Its project.

        Raises:
            StateError: What is asked for is none here.
        """
        return partial(open_or_make_store, self._store_url(option, project_dir))

    def known_store(
        self, option: str | None, source: DeclaredSource, project_dir: Path
    ) -> StateStore:
        """Open the same store to look into it.

        Raises:
            StateError: What is asked for is none here, or not there yet.
        """
        url = self._store_url(option, project_dir)
        refuse_missing_file(url)
        return open_or_make_store(url)

    def look_ups(self) -> LookUps:
        """Return what is known of secrets outside the project."""
        return LookUps(find_connection=lambda name: connection_from_environment(name, os.environ))

    def _store_url(self, option: str | None, project_dir: Path) -> str:
        asked = option or configured_store()
        if asked is None:
            return f"sqlite:///{self._own_folder(project_dir) / DEFAULT_FILE}"
        if "://" not in asked:
            raise needs_airflow(asked)
        return asked

    def _own_folder(self, project_dir: Path) -> Path:
        return airflow_home() if has_airflow_home() else default_data_dir(project_dir)


def surroundings() -> Surroundings:
    """Return what is around this command."""
    return _surroundings.get(None) or Surroundings()


@contextmanager
def surrounded_by(other: Surroundings) -> Iterator[None]:
    """Let commands find *other* around them, for who has better means."""
    token = _surroundings.set(other)
    try:
        yield
    finally:
        _surroundings.reset(token)


_surroundings: ContextVar[Surroundings] = ContextVar("surroundings")
