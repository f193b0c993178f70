"""What Dag files ask to be planned. It imports them, as Airflow's Dag processor does."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from airflow_dlt_provider.asked_plans import AskedPlan


@dataclass(frozen=True)
class AskedPlans:
    """What was found in some Dag files."""

    plans: tuple[AskedPlan, ...]
    errors: Mapping[str, str]
    """File -> why it cannot be imported."""


def require_airflow() -> None:
    """End the command where Airflow cannot be imported.

    Raises:
        typer.Exit: With code 1.
    """
    try:
        import_module("airflow.sdk")
    except ImportError as error:
        typer.echo(
            f"Error: Dag files are imported by Airflow, which is not installed here ({error}); run "
            "this in the environment of Airflow's Dag processor",
            err=True,
        )
        raise typer.Exit(1) from None


def default_dags_folder() -> Path:
    """Return the folder that Airflow takes Dag files from."""
    from airflow.configuration import conf

    return Path(str(conf.get("core", "dags_folder")))


def read_asked_plans(paths: Sequence[Path]) -> AskedPlans:
    """Import Dag files, and return the plans that their Dags are built from.

    Args:
        paths: Dag files, or folders of them.
    """
    from airflow_dlt_provider.asked_plans import collecting_plans

    errors: dict[str, str] = {}
    with collecting_plans() as plans:
        for path in paths:
            folder = path if path.is_dir() else path.parent
            # standard output is the command's; what Airflow and Dag files say goes to the other
            with _on_python_path(folder), redirect_stdout(sys.stderr):
                errors |= _import_dag_files(path)
    return AskedPlans(tuple(plans.values()), errors)


def _import_dag_files(path: Path) -> dict[str, str]:
    # Airflow 3.1 has it elsewhere
    is_new = importlib.util.find_spec("airflow.dag_processing.dagbag") is not None
    module = "airflow.dag_processing.dagbag" if is_new else "airflow.models.dagbag"
    dag_bag = importlib.import_module(module).DagBag
    takes_examples = "include_examples" in inspect.signature(dag_bag).parameters
    bag = dag_bag(str(path), **({"include_examples": False} if takes_examples else {}))
    return {str(file): str(error) for file, error in bag.import_errors.items()}


@contextmanager
def _on_python_path(folder: Path) -> Iterator[None]:
    """Let Dag files import their neighbours, as Airflow does for a bundle."""
    entry = str(folder)
    is_new = entry not in sys.path
    if is_new:
        sys.path.append(entry)
    try:
        yield
    finally:
        if is_new and entry in sys.path:
            sys.path.remove(entry)
