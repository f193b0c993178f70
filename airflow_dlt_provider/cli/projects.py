"""Which project a command is about, and what is told of it first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from airflow_dlt_provider.core.errors import ProjectFileError, closest, listed
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.project import Project, find_file, read_project
from airflow_dlt_provider.core.registry.unreferenced import unreferenced_warning

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="DIR",
        help="Folder with .dango/sources.yml or sources.yml. Default: this one, else the nearest "
        "one above it.",
    ),
]


def open_project(option: Path | None) -> Project:
    """Read the project that a person means.

    Raises:
        ProjectFileError: There is none, or its file cannot be read.
    """
    return read_project(option if option is not None else _nearest(Path.cwd()))


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
    known = [source.name for source in project.sources]
    broken = {item.source_name.lower() for item in project.errors if item.source_name}
    if name.lower() not in {*known, *broken}:
        raise typer.BadParameter(
            f"{project.file.name} has no source {name!r}{closest(name.lower(), known)}; "
            f"{listed(known)}"
        )
    return project.source(name)


def project_here() -> Project | None:
    """Return the project of the current folder, if there is one that can be read."""
    try:
        return open_project(None)
    except ProjectFileError:
        return None


def _nearest(folder: Path) -> Path:
    for candidate in (folder, *folder.parents):
        try:
            find_file(candidate)
        except ProjectFileError:
            continue
        return candidate
    return folder
