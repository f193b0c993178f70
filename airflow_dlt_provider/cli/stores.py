"""Which state store the command line opens; without Airflow, one of a database by its URL."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import typer

from airflow_dlt_provider.cli.places import airflow_home, default_data_dir, has_airflow_home
from airflow_dlt_provider.cli.projects import project_here
from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.state.store import StateStore

StoreOpener = Callable[[str | None, str, str | None], StateStore]
"""Takes what a person named as the store, the pipeline's name and its dataset's."""

VARIABLE = "AIRFLOW__DLT__STATE_STORE"
DEFAULT_FILE = "dlt_state.db"
WITH_AIRFLOW = (
    "Airflow's asset state store and Airflow connections are reached where Airflow is installed, "
    "by `airflow dlt state ...` in place of `airflow-dlt state ...`, and the asset state store "
    "from anywhere by Airflow's REST API: /api/v2/assets/{id}/state-store"
)


def open_store(
    option: str | None, pipeline_name: str | None = None, dataset_name: str | None = None
) -> StateStore:
    """Open the state store in which a pipeline's state is kept.

    Args:
        option: What a person named: the SQLAlchemy URL of a database, and where Airflow is at
            hand also `"asset"` or the id of a connection; `None` for what is configured.
        pipeline_name: The base name; the asset store has one place for each pipeline.
        dataset_name: For the asset store: which dataset, where the pipeline has several.

    Raises:
        StateError: It is none, is none here, or knows no such pipeline.
        StateStoreError: It cannot be reached.
    """
    return _opener.get()(option, pipeline_name or "", dataset_name)


@contextmanager
def opening_stores_with(opener: StoreOpener) -> Iterator[None]:
    """Let `open_store` use *opener*, for who has better means."""
    token = _opener.set(opener)
    try:
        yield
    finally:
        _opener.reset(token)


def refuse_missing_file(url: str) -> None:
    """Refuse the URL of a SQLite file that does not exist: looking must not make one.

    Raises:
        StateError: There is no such file.
    """
    from airflow_dlt_provider.core.state.sql_schema import missing_sqlite_file

    if path := missing_sqlite_file(url):
        raise StateError(
            f"there is no state store {path}; name another with --store or {VARIABLE}, such as "
            "sqlite:////data/dlt_state.db. A first load makes the file"
        )


def needs_airflow(asked: str) -> StateError:
    """Return the error of a state store that is no URL."""
    if "@" in asked:
        # a URL with a slip of the pen, which may hold a password
        return StateError(
            "the state store holds an @ and no ://, so it is neither a URL such as "
            "postgresql://user:password@host/database nor the id of an Airflow connection"
        )
    return StateError(f"the state store {asked!r} needs Airflow. {WITH_AIRFLOW}")


def _open_without_airflow(
    option: str | None, _pipeline_name: str, _dataset_name: str | None
) -> StateStore:
    from airflow_dlt_provider.core.state.sql import SqlStateStore

    asked = option or configured_store()
    if asked is None:
        path = _default_file()
        if not path.is_file():
            raise StateError(
                f"no state store is configured, and there is no {path}; name its database with "
                f"--store or {VARIABLE}. From Airflow 3.3 on, state is kept in Airflow's asset "
                f"state store unless configured otherwise. {WITH_AIRFLOW}"
            )
        asked = f"sqlite:///{path}"
        if _is_asset_store_default():
            typer.echo(
                f"Warning: this is {path}. Unless configured otherwise, the Airflow installed here "
                f"keeps state in its asset state store. {WITH_AIRFLOW}",
                err=True,
            )
    if "://" not in asked:
        raise needs_airflow(asked)
    refuse_missing_file(asked)
    return SqlStateStore(asked)


def _default_file() -> Path:
    """Return the file that a sync makes where nothing is configured."""
    if not has_airflow_home() and (project := project_here()):
        return default_data_dir(project.project_dir) / DEFAULT_FILE
    return airflow_home() / DEFAULT_FILE


def configured_store() -> str | None:
    """Return what Airflow's configuration names, which is read without Airflow."""
    home = airflow_home()
    configuration = configparser.ConfigParser(interpolation=None, strict=False)
    file = Path(os.path.expandvars(os.environ.get("AIRFLOW_CONFIG", home / "airflow.cfg")))
    try:
        configuration.read(file.expanduser())
    except (configparser.Error, UnicodeError) as error:
        raise StateError(f"{file} cannot be read: {' '.join(str(error).split())}") from None
    in_file = dict(configuration["dlt"]) if configuration.has_section("dlt") else {}
    if asked := os.environ.get(VARIABLE) or in_file.get("state_store"):
        return asked
    for origin in (f"{VARIABLE}_CMD", f"{VARIABLE}_SECRET"):
        if os.environ.get(origin) or in_file.get(origin.removeprefix("AIRFLOW__DLT__").lower()):
            raise StateError(
                f"only Airflow can follow {origin}, which names the state store; name it with "
                f"--store. {WITH_AIRFLOW}"
            )
    return None


def _is_asset_store_default() -> bool:
    """Tell whether the Airflow beside this, if there is one, has an asset state store."""
    try:
        release = importlib.metadata.version("apache-airflow-core").split(".")
        return (int(release[0]), int(release[1])) >= (3, 3)
    except (importlib.metadata.PackageNotFoundError, ValueError, IndexError):
        return False


_opener: ContextVar[StoreOpener] = ContextVar("store_opener", default=_open_without_airflow)
