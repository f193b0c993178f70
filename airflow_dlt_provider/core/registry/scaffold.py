"""A new source: its entry in `sources.yml`, and the Python file with which it begins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from airflow_dlt_provider.core.errors import ProjectFileError
from airflow_dlt_provider.core.registry.entries import entry_text, new_entry, with_entry
from airflow_dlt_provider.core.registry.explanations import explain
from airflow_dlt_provider.core.registry.json_schema import (
    COMMENT,
    SOURCES_SCHEMA,
    schema_text,
    sources_schema,
)
from airflow_dlt_provider.core.registry.project import FILE, FOLDER, find_file, read_project
from airflow_dlt_provider.core.registry.sources_file import SUPPORTED_VERSION, SourceEntry
from airflow_dlt_provider.core.registry.unreferenced import FOLDER as MODULES_FOLDER
from airflow_dlt_provider.core.registry.yaml_tree import key_text

KINDS = (str, bool, int, float, list, dict)
NEW_FILE = f"{COMMENT.format(SOURCES_SCHEMA)}\nversion: '{SUPPORTED_VERSION}'\nsources:\n"

MODULE = '''\
"""The source {name}: what it loads, and from where."""

import dlt


@dlt.source
def {function}({parameters}):
    """Return a resource for each table."""

    @dlt.resource(name="items", write_disposition="replace")
    def items():
        # in place of this row, yield those of an API or a file, page by page
        yield [{{"id": 1, "name": "first"}}]

    return [items]


if __name__ == "__main__":
    pipeline = dlt.pipeline("test_{name}", destination="duckdb", dataset_name="test")
    print(pipeline.run({function}({arguments})))
'''
"""A plain dlt script; it is run by itself for a test."""


@dataclass(frozen=True)
class NewSource:
    """What a person asked for, checked.

    Raises:
        ProjectFileError: One of the names is none, or cannot be that of a file.
    """

    name: str
    module: str
    function: str
    with_file: bool = True
    enabled: bool = True
    description: str | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            SourceEntry.model_validate(self.entry)
        except ValidationError as error:
            told = explain(error, self.entry, SourceEntry)
            problem = "; ".join(f"{key_text(path)} {text}" for path, text in told)
            raise ProjectFileError(f"source {self.name}", problem) from None
        if not self.with_file:
            return
        for name in (self.module, self.function, *self.kwargs):
            if not name.isidentifier():
                problem = f"{name!r} cannot be a name in a Python file; --no-file makes none"
                raise ProjectFileError(f"source {self.name}", problem)

    @property
    def entry(self) -> dict[str, Any]:
        """The entry, as values."""
        return new_entry(
            self.name,
            self.module,
            self.function,
            enabled=self.enabled,
            description=self.description,
            kwargs=self.kwargs,
        )

    @property
    def module_text(self) -> str:
        """The text of its Python file."""
        arguments = (
            f"{name}={_python(value)}"
            for name, value in self.kwargs.items()
            if not _is_reference(value)
        )
        return MODULE.format(
            name=self.name,
            function=self.function,
            parameters=", ".join(("*", *_parameters(self.kwargs))) if self.kwargs else "",
            arguments=", ".join(arguments),
        )


@dataclass(frozen=True)
class Addition:
    """The files that a new source needs: path -> text. Nothing was written yet."""

    sources_file: Path
    files: Mapping[Path, str]
    block: str
    """The entry as text, for a person to paste."""
    is_complete: bool
    """Whether the entry could be put into `sources.yml`."""

    def write(self) -> None:
        """Write the files.

        Raises:
            ProjectFileError: One of them cannot be written.
        """
        try:
            for path, text in self.files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                # line ends are in the text
                path.write_bytes(text.encode())
        except OSError as error:
            problem = f"cannot be written: {error.strerror}"
            raise ProjectFileError(error.filename, problem) from None


def plan_addition(folder: Path, source: NewSource) -> Addition:
    """Return what is to be written for a new source in the project of *folder*.

    Raises:
        ProjectFileError: The source or its Python file is there already, or `sources.yml` cannot
            be read.
    """
    file, text, is_new = _sources_text(folder)
    project_dir = file.parent.parent if file.parent.name == FOLDER else file.parent
    files: dict[Path, str] = {}
    if not is_new:
        _refuse_double(file, source.name)
    if source.with_file:
        module = project_dir / MODULES_FOLDER / f"{source.module}.py"
        for path in (module, module.with_suffix("") / "__init__.py"):
            if path.exists():
                raise ProjectFileError(
                    path, "is there already; --no-file registers it as it is, --module another"
                )
        files[module] = source.module_text
    changed = with_entry(text, source.entry)
    if is_new:
        files[file.with_name(SOURCES_SCHEMA)] = schema_text(sources_schema())
    if changed is not None:
        files[file] = changed
    return Addition(file, files, entry_text(source.entry), is_complete=changed is not None)


def _sources_text(folder: Path) -> tuple[Path, str, bool]:
    """Return the `sources.yml` of a folder, its text, and whether it is a new one."""
    if folder.is_dir() and not any((folder / part / FILE).is_file() for part in (FOLDER, "")):
        return folder.resolve() / FOLDER / FILE, NEW_FILE, True
    file = find_file(folder)
    try:
        # line ends stay as they are
        return file, file.read_bytes().decode("utf-8"), False
    except UnicodeDecodeError:
        raise ProjectFileError(file, "is no text in UTF-8") from None
    except OSError as error:
        raise ProjectFileError(file, f"cannot be read: {error.strerror}") from None


def _refuse_double(file: Path, name: str) -> None:
    project = read_project(file)
    broken = [item for item in project.errors if not item.key and not item.source_name]
    if broken:
        raise ProjectFileError(file, "; ".join(str(item) for item in broken))
    if name in project.names:
        raise ProjectFileError(file, f"has a source {name!r} already; take another name")


def _parameters(kwargs: Mapping[str, Any]) -> Iterator[str]:
    for name, value in kwargs.items():
        hint = f": {type(value).__name__}" if isinstance(value, KINDS) else ""
        # in a script of its own nobody replaces a reference, and dlt looks the secret up
        yield f"{name}{hint} = dlt.secrets.value" if _is_reference(value) else f"{name}{hint}"


def _python(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and "${" in value
