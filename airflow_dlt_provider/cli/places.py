"""Options that name a dataset and a source, for commands that look into a destination."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from airflow_dlt_provider.cli.kwargs import parse_kwargs
from airflow_dlt_provider.cli.terminal import current_person
from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.spec import DestinationSpec, SourceSpec

if TYPE_CHECKING:
    # other commands answer without dlt
    from airflow_dlt_provider.core.migration.known import KnownResource
    from airflow_dlt_provider.core.migration.place import Place

DestinationOption = Annotated[
    str | None,
    typer.Option(
        "--destination", metavar="NAME", help="Of dlt. Default: as for a task, else duckdb."
    ),
]
DatasetNameOption = Annotated[
    str | None, typer.Option("--dataset-name", help="Default: the pipeline's name.")
]
BaseDirOption = Annotated[
    Path, typer.Option("--base-dir", help="Folder of the Dag file; .dlt/ is looked for there.")
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Where the default DuckDB file <pipeline>.duckdb lies. Default: [dlt] data_dir from "
        "the environment, else the folder data in AIRFLOW_HOME.",
    ),
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="module:function",
        help="The Dag's source, relative to --base-dir. It tells which resource feeds which.",
    ),
]
KwargOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kwarg", help="name=value, an argument of the source; a value may be JSON. Repeatable."
    ),
]


def place_of(
    pipeline_name: str,
    destination: str | None,
    dataset_name: str | None,
    base_dir: Path,
    data_dir: Path | None,
) -> Place:
    """Return the place that the options name."""
    from airflow_dlt_provider.core.migration.place import Place

    return Place(
        pipeline_name,
        base_dir.resolve(),
        data_dir_of(data_dir),
        DestinationSpec(destination, dataset_name),
        asked_by=current_person(),
    )


def resources_of(
    source: str | None, kwargs: Sequence[str], base_dir: Path
) -> Sequence[KnownResource]:
    """Build the source, if one is named, and return its resources.

    Raises:
        StateError: The source's module cannot be imported.
    """
    if source is None:
        return ()
    from airflow_dlt_provider.core.migration.known import known_resources

    try:
        return known_resources(SourceSpec(source, base_dir.resolve(), parse_kwargs(kwargs)))
    except (ImportError, SyntaxError, NameError) as error:
        raise StateError(f"--source {source}: {type(error).__name__}: {error}") from None


def data_dir_of(option: Path | None, project_dir: Path | None = None) -> Path:
    """Return the folder of the default DuckDB files that the option names, or tasks have.

    Args:
        option: What a person named.
        project_dir: The folder of a project. On a machine without any sign of Airflow its data
            lies in the project; without a project it lies where Airflow's would.
    """
    return (option or default_data_dir(project_dir)).resolve()


def default_data_dir(project_dir: Path | None = None) -> Path:
    """Return the folder of the default DuckDB files, as `data_dir_of` does without an option."""
    if configured := os.environ.get("AIRFLOW__DLT__DATA_DIR"):
        return Path(os.path.expandvars(configured)).expanduser()
    if project_dir is not None and not has_airflow_home():
        return project_dir / "data"
    return airflow_home() / "data"


def airflow_home() -> Path:
    """Return `AIRFLOW_HOME`, or what Airflow takes where that is not set."""
    return Path(os.path.expandvars(os.environ.get("AIRFLOW_HOME", "~/airflow"))).expanduser()


def has_airflow_home() -> bool:
    """Tell whether there is a sign of Airflow on this machine."""
    return bool(os.environ.get("AIRFLOW_HOME")) or airflow_home().is_dir()
