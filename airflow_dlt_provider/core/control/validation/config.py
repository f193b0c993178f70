"""Checks of the files of a project, without running any of its code."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from airflow_dlt_provider.core.control.validation.check import Check
from airflow_dlt_provider.core.registry.mistakes import Mistake
from airflow_dlt_provider.core.registry.project import Project
from airflow_dlt_provider.core.registry.unreferenced import unreferenced_warning

SECRET_FILES = (".env", ".dango/.env", ".dlt/secrets.toml")
GIT_TIMEOUT_SECONDS = 10


def check_files(project: Project) -> Iterator[Check]:
    """Yield what is wrong in `sources.yml` and `schedules.yml`."""
    shown = project.file.relative_to(project.project_dir)
    if not project.errors:
        enabled = len(project.enabled)
        count = len(project.sources)
        counted = f"{count} source{'' if count == 1 else 's'}"
        text = f"{counted}, {enabled} enabled; names and keys are right"
        yield Check("Config", shown.as_posix(), "pass", text)
    for mistake in project.mistakes:
        yield _of_mistake(mistake)


def check_surroundings(project: Project) -> Iterator[Check]:
    """Yield what is odd about the other files of a project."""
    if warning := unreferenced_warning(project):
        message = "has files that no source names"
        yield Check("General", "custom_sources/", "warn", message, warning)
    else:
        message = "every file is used by a source"
        yield Check("General", "custom_sources/", "pass", message)
    for name in _tracked_secrets(project.project_dir):
        yield Check(
            "General",
            name,
            "warn",
            f"is tracked by git, with the secrets in it; take it out: git rm --cached {name}, add "
            "it to .gitignore, and change these secrets",
        )


def _of_mistake(mistake: Mistake) -> Check:
    where = mistake.source_name or mistake.file.as_posix()
    return Check("Config", where, "fail" if mistake.level == "error" else "warn", str(mistake))


def _tracked_secrets(folder: Path) -> list[str]:
    """Return the files of secrets that git knows; none where there is no git."""
    git = shutil.which("git")
    if git is None:
        return []
    try:
        done = subprocess.run(
            [git, "-C", str(folder), "ls-files", "-z", "--", *SECRET_FILES],
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [name for name in done.stdout.split("\0") if name] if done.returncode == 0 else []
