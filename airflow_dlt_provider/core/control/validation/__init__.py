"""What is right and wrong about a project, before anything is loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

from airflow_dlt_provider.core.control.validation.check import Check
from airflow_dlt_provider.core.control.validation.config import check_files, check_surroundings
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.project import Project
from airflow_dlt_provider.core.registry.worker_values import LookUps

Kind = Literal["config", "sources", "database", "deps"]

KINDS: tuple[Kind, ...] = get_args(Kind)


def validate_project(
    project: Project,
    data_dir: Path,
    *,
    names: Sequence[str] = (),
    kinds: Collection[Kind] = KINDS,
    look_ups: LookUps | None = None,
) -> Iterator[Check]:
    """Check a project, and yield what is found; nothing is loaded, and no value is shown.

    Args:
        project: The project.
        data_dir: Where the default DuckDB file lies.
        names: Sources to check; none: all that are enabled.
        kinds: What to check. `config` runs no code of the user's.
        look_ups: What is known of secrets outside the project, for `database`; `None`: nothing.

    Raises:
        ProjectFileError: The project has no source of one of these names.
    """
    wanted = [project.known_name(name) for name in names]
    if "config" in kinds:
        found = [*check_files(project), *check_surroundings(project)]
        yield from (check for check in found if not wanted or _is_of(check, wanted, project))
    enabled = [source for source in project.sources if _is_wanted(source, wanted)]
    if "sources" in kinds or "deps" in kinds:
        yield from _of_sources(enabled, kinds)
    if "database" in kinds:
        # this brings dlt
        from airflow_dlt_provider.core.control.validation.database import check_destinations

        yield from check_destinations(enabled, data_dir, look_ups or LookUps())


def _of_sources(sources: Sequence[DeclaredSource], kinds: Collection[Kind]) -> Iterator[Check]:
    from airflow_dlt_provider.core.control.validation import sources as of_sources

    examined = [of_sources.examine(source) for source in sources]
    if "sources" in kinds:
        for item in examined:
            yield from of_sources.check_source(item)
        yield from of_sources.check_tables(examined)
    if "deps" in kinds:
        yield from (of_sources.check_packages(item) for item in examined)


def _is_wanted(source: DeclaredSource, wanted: Sequence[str]) -> bool:
    return source.name in wanted if wanted else source.is_enabled


def _is_of(check: Check, wanted: Sequence[str], project: Project) -> bool:
    """Tell whether a check is about one of the sources, and not about another."""
    subject = check.subject.lower()
    return subject in wanted or subject not in project.names
