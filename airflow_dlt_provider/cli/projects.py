"""The project that a command works in: the folder of a `sources.yml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from airflow_dlt_provider.core.registry.project import FILE, FOLDER, Project, read_project

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="DIR",
        help=f"Folder of the project, or its {FILE}. Default: the current folder, or the next "
        f"above it with {FOLDER}/{FILE} or {FILE}.",
    ),
]


def open_project(option: Path | None) -> Project:
    """Read the project that the option names, or the one around the current folder.

    Raises:
        ProjectFileError: There is none, or it cannot be read.
    """
    return read_project(option or find_project_dir() or Path())


def find_project_dir() -> Path | None:
    """Return the current folder, or the next one above it, that has a `sources.yml`."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER / FILE).is_file() or (folder / FILE).is_file():
            return folder
    return None
