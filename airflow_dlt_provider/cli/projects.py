"""The project that a command works in, its sources, and what is told of it first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from airflow_dlt_provider.core.errors import ProjectFileError
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.project import FILE, FOLDER, Project, read_project
from airflow_dlt_provider.core.registry.unreferenced import unreferenced_warning

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


def project_here() -> Project | None:
    """Return the project around the current folder, if there is one that can be read."""
    folder = find_project_dir()
    try:
        return read_project(folder) if folder else None
    except ProjectFileError:
        return None


def tell_problems(project: Project) -> None:
    """Write on standard error which files are unused, and what is wrong in the files."""
    if warning := unreferenced_warning(project):
        typer.echo(f"{warning}\n", err=True)
    for item in project.mistakes:
        label = "Warning" if item.level == "warning" else "Error"
        typer.echo(f"{label}: {item}", err=True)


def named_sources(project: Project, names: Sequence[str]) -> tuple[DeclaredSource, ...]:
    """Return the sources that a person names, or all that are enabled.

    Raises:
        typer.BadParameter: One is not there, or is disabled.
        ProjectFileError: One has a mistake.
    """
    if not names:
        return project.enabled
    sources = [named_source(project, name) for name in dict.fromkeys(map(str.lower, names))]
    disabled = [source.name for source in sources if not source.is_enabled]
    if disabled:
        raise typer.BadParameter(
            f"{', '.join(disabled)} is disabled in {project.file.name}; "
            "set enabled: true to load it"
        )
    return tuple(sources)


def named_source(project: Project, name: str) -> DeclaredSource:
    """Return one source, disabled or not.

    Raises:
        typer.BadParameter: It is not there.
        ProjectFileError: It has a mistake.
    """
    try:
        project.known_name(name)
    except ProjectFileError as error:
        raise typer.BadParameter(str(error)) from None
    return project.source(name)
