"""What a plan was made for and from, as hashes that are compared without importing anything.

A fingerprint sees the question (the spec), the versions of dlt and of this package, the contents
of every user file behind the source, and files that would be imported in place of one of these.
It sees neither data files that the source reads while it is planned, nor what lies outside files,
such as the catalog of a database.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from airflow_dlt_provider.core.spec import PlanSpec
from airflow_dlt_provider.version import __version__

FORMAT = 3
"""What a plan says of its resources: an older one is read, and made again where it can be."""

PYTHON_PATH = "<python path>/"
"""Begins the name of a file that lies in a folder of `sys.path`, which differ between machines."""


@dataclass(frozen=True)
class Fingerprint:
    """What a plan was made for, and what it was made from."""

    question: str
    """Hash of what was asked: see `question_of`."""
    subject: str
    """Hash of what was asked about: see `subject_of`."""
    versions: dict[str, str]
    """What made the plan -> its version."""
    files: dict[str, str]
    """Name of every user file behind the source -> hash of its contents. Names are relative to
    the folder of the Dag file, or to the Python path, so that they hold on every machine."""
    absent: tuple[str, ...] = ()
    """Names of files that were not there, and would be imported in place of one of `files`."""

    def misfit(self, spec: PlanSpec) -> str | None:
        """Say what has changed since the plan was made; `None` if nothing has."""
        for name, version in versions().items():
            if self.versions.get(name) != version:
                made_with = self.versions.get(name, "another version")
                return f"it was made with {name} {made_with}, and this is {version}"
        if self.question != question_of(spec):
            return "what is asked of the source has changed"
        base_dir = spec.source.base_dir
        for name, digest in self.files.items():
            path = _path_of(name, base_dir)
            found = file_hash(path) if path else None
            if found != digest:
                return f"{name} {'has changed' if found else 'is gone'}"
        new = next((name for name in self.absent if _is_there(name, base_dir)), None)
        return f"{new} is new" if new else None


def fingerprint_of(spec: PlanSpec, files: Iterable[Path]) -> Fingerprint:
    """Return the fingerprint of *spec* and of the *files* behind its source."""
    base_dir = spec.source.base_dir
    by_name = {_name_of(path, base_dir): path for path in files}
    hashes = {name: digest for name in sorted(by_name) if (digest := file_hash(by_name[name]))}
    shadows = {
        shadow
        for name in hashes
        for shadow in _shadows_of(name, by_name[name], spec)
        if not _is_there(shadow, base_dir)
    }
    return Fingerprint(
        question_of(spec), subject_of(spec), versions(), hashes, tuple(sorted(shadows))
    )


def question_of(spec: PlanSpec) -> str:
    """Hash everything that decides on a plan besides versions and the contents of files."""
    question = {
        "subject": subject_of(spec),
        "source_kwargs": spec.source.source_kwargs,
        "options": spec.source.options.as_document(),
        "registered_as": spec.source.registration.name if spec.source.registration else None,
        "source_conn_id": spec.source.source_conn_id,
        "resources": spec.resources,
        "exclude": spec.exclude,
        "after": spec.after,
    }
    return _digest(json.dumps(question, sort_keys=True, default=_plain).encode())


def subject_of(spec: PlanSpec) -> str:
    """Hash what a plan is about: the source, and how it becomes tasks."""
    functions = (_reference(spec.source.source), _reference(spec.source.configure))
    return _digest(repr((*functions, spec.grouping)).encode())


def versions() -> dict[str, str]:
    """Return what makes plans, and its version."""
    return {"dlt": dlt_version(), "airflow-dlt-provider": __version__, "format": str(FORMAT)}


@cache
def dlt_version() -> str:
    """Return the version of dlt that is installed, without importing it.

    To look it up takes some milliseconds: as long as a process lives, it has the dlt that it has.
    """
    return importlib.metadata.version("dlt")


def is_cacheable(spec: PlanSpec) -> bool:
    """Tell whether a fingerprint can see all of *spec*.

    What a nested function or a lambda closes over is in no file.
    """
    functions = (spec.source.source, spec.source.configure)
    return not any("<" in (_reference(function) or "") for function in functions)


def file_hash(path: str | Path) -> str | None:
    """Hash the contents of *path*; `None` where there is no such file."""
    try:
        return _digest(Path(path).read_bytes())
    except OSError:
        return None


def _name_of(path: Path, base_dir: Path) -> str:
    """Name a file so that it is found again on another machine."""
    if path.is_relative_to(base_dir):
        return path.relative_to(base_dir).as_posix()
    for folder in _python_path():
        if path.is_relative_to(folder):
            name = PYTHON_PATH + path.relative_to(folder).as_posix()
            # behind another of that name, it is no module that Python would import
            if _path_of(name, base_dir) == str(path):
                return name
    return Path(os.path.relpath(path, base_dir)).as_posix()


def _path_of(name: str, base_dir: Path) -> str | None:
    """Return the file that a name stands for; on the Python path the first one, or `None`."""
    # text, not `Path`: a parse asks for hundreds, and each object costs as much as the question
    if not name.startswith(PYTHON_PATH):
        return f"{base_dir}{os.sep}{name}"
    relative = name.removeprefix(PYTHON_PATH)
    own = str(base_dir)
    for folder in _python_path():
        path = f"{folder}{os.sep}{relative}"
        if folder != own and _is_file(path):
            return path
    return None


def _is_there(name: str, base_dir: Path) -> bool:
    path = _path_of(name, base_dir)
    return path is not None and _is_file(path)


def _is_file(path: str) -> bool:
    return os.access(path, os.R_OK)


def _python_path() -> tuple[str, ...]:
    return _resolved(tuple(sys.path))


@cache
def _resolved(folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders))


def _shadows_of(name: str, path: Path, spec: PlanSpec) -> Iterator[str]:
    """Name the files that would be imported in place of one, if they were there."""
    yield _twin_of(name)
    if name.startswith(PYTHON_PATH):
        return
    # a neighbour of the source's module is found last of all: see `module_search_path`
    for folder in spec.source.module_dirs:
        if path.is_relative_to(folder):
            module = PYTHON_PATH + path.relative_to(folder).as_posix()
            yield from (module, _twin_of(module))


def _twin_of(name: str) -> str:
    """Name the package of a module's name, or the module of a package's."""
    path = Path(name)
    if path.name == "__init__.py":
        return f"{path.parent.as_posix()}.py"
    return path.with_suffix("").joinpath("__init__.py").as_posix()


def _reference(function: str | Callable[..., Any] | None) -> str | None:
    if function is None or isinstance(function, str):
        return function
    name = getattr(function, "__qualname__", None) or "<object>"
    return f"{getattr(function, '__module__', None)}:{name}"


def _plain(value: Any) -> Any:
    # a set has another order in every process
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else repr(value)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
