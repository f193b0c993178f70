"""A project: the sources that its `sources.yml` declares, and what is wrong in it.

A mistake in one source is kept beside the others, which stand as if it was not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from airflow_dlt_provider.core.errors import ProjectFileError, closest, listed
from airflow_dlt_provider.core.registry.collisions import without_collisions
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.explanations import unknown_key
from airflow_dlt_provider.core.registry.mistakes import Checked, Mistake
from airflow_dlt_provider.core.registry.schedules import assign_schedules, parse_schedules
from airflow_dlt_provider.core.registry.sources_file import (
    SUPPORTED_VERSION,
    SourceEntry,
    SourcesFile,
)
from airflow_dlt_provider.core.registry.yaml_tree import YamlTree, YamlTreeError, parse_yaml
from airflow_dlt_provider.core.spec import Registration

FOLDER = ".dango"
FILE = "sources.yml"
SCHEDULES_FILE = "schedules.yml"


@dataclass(frozen=True)
class Project:
    """What a `sources.yml` declares."""

    file: Path
    project_dir: Path
    sources: tuple[DeclaredSource, ...] = ()
    """Those without a mistake, in the order of the file; disabled ones too."""
    mistakes: tuple[Mistake, ...] = ()
    """Errors and warnings, by file and line."""
    names: tuple[str, ...] = ()
    """Name of every source in the file, also of one with a mistake."""
    modules: tuple[str, ...] = ()
    """Every `source_module` in the file, also of a source with a mistake."""

    @property
    def errors(self) -> tuple[Mistake, ...]:
        """What keeps a source from being loaded."""
        return tuple(item for item in self.mistakes if item.level == "error")

    @property
    def warnings(self) -> tuple[Mistake, ...]:
        """What is odd, and keeps nothing from being loaded."""
        return tuple(item for item in self.mistakes if item.level == "warning")

    @property
    def enabled(self) -> tuple[DeclaredSource, ...]:
        """The sources that are loaded."""
        return tuple(source for source in self.sources if source.is_enabled)

    def source(self, name: str) -> DeclaredSource:
        """Return a source by its name.

        Raises:
            ProjectFileError: There is none, or none without a mistake.
        """
        wanted = self.known_name(name)
        for source in self.sources:
            if source.name == wanted:
                return source
        raise ProjectFileError(self.file, "; ".join(str(item) for item in self.mistakes_of(wanted)))

    def known_name(self, name: str) -> str:
        """Return the name of a source, right or wrong, as the file means it.

        Raises:
            ProjectFileError: There is none of that name.
        """
        wanted = name.lower()
        if wanted in self.names:
            return wanted
        raise ProjectFileError(
            self.file, f"has no source {name!r}{closest(wanted, self.names)}; {listed(self.names)}"
        )

    def mistakes_of(self, name: str) -> tuple[Mistake, ...]:
        """Return what is wrong or odd in the entry of a source."""
        return tuple(m for m in self.mistakes if (m.source_name or "").lower() == name)


def read_project(path: Path) -> Project:
    """Read the project of a `sources.yml`.

    Args:
        path: The file, or a folder with `.dango/sources.yml` or `sources.yml` in it.

    Raises:
        ProjectFileError: There is no such file, or it cannot be read.
    """
    file = find_file(path)
    project_dir = file.parent.parent if file.parent.name == FOLDER else file.parent
    shown = file.relative_to(project_dir)
    tree = _read(file)
    if isinstance(tree, Mistake):
        return Project(file, project_dir, mistakes=(replace(tree, file=shown),))
    reading = _Reading(shown, project_dir, tree)
    sources, collisions = without_collisions(list(reading.sources()))
    schedules, mistakes = _read_schedules(file.with_name(SCHEDULES_FILE), project_dir)
    scheduled, overlaps = assign_schedules(schedules, sources, reading.names)
    of_sources = [*reading.mistakes, *collisions]
    of_schedules = [*mistakes, *overlaps]
    return Project(
        file,
        project_dir,
        scheduled,
        mistakes=tuple(
            item
            for found in (of_sources, of_schedules)
            for item in sorted(found, key=lambda mistake: mistake.line)
        ),
        names=tuple(dict.fromkeys(reading.names)),
        modules=tuple(reading.modules),
    )


def find_file(path: Path) -> Path:
    """Return the `sources.yml` that *path* names.

    Raises:
        ProjectFileError: There is none.
    """
    path = path.resolve()
    if path.is_file():
        return path
    if path.is_dir():
        folders = (path / FOLDER, path)
        for candidate in (folder / FILE for folder in folders):
            if candidate.is_file():
                return candidate
        raise ProjectFileError(
            path, f"has neither {FOLDER}/{FILE} nor {FILE}; `airflow-dlt source add` makes one"
        )
    raise ProjectFileError(path, "does not exist")


def _read(file: Path) -> YamlTree | Mistake:
    try:
        return parse_yaml(file.read_text(encoding="utf-8-sig"))
    except YamlTreeError as error:
        return Mistake(file, error.line, "", error.problem)
    except UnicodeDecodeError:
        return Mistake(file, 1, "", "is no text in UTF-8")
    except OSError as error:
        raise ProjectFileError(file, f"cannot be read: {error.strerror}") from None


@dataclass
class _Reading:
    """Goes through a `sources.yml`, and remembers what is wrong."""

    file: Path
    project_dir: Path
    tree: YamlTree
    mistakes: list[Mistake] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Names of all sources, also of those with a mistake."""

    def sources(self) -> Iterator[DeclaredSource]:
        """Yield the sources that are right."""
        document = self._document()
        for position, value in enumerate(self._entries(document)):
            entry = self._entry(position, value)
            if entry is not None:
                yield entry

    def _document(self) -> Mapping[str, Any]:
        document = {} if self.tree.value is None else self.tree.value
        whole = Checked(self.file, self.tree, ())
        if not isinstance(document, Mapping):
            self.mistakes.append(whole.mistake((), "is no mapping; expected: version and sources"))
            return {}
        self.mistakes += [
            whole.mistake((key,), unknown_key(key, SourcesFile.model_fields))
            for key in document
            if key not in SourcesFile.model_fields
        ]
        version = document.get("version", SUPPORTED_VERSION)
        if str(version) != SUPPORTED_VERSION:
            self.mistakes.append(
                whole.mistake(
                    ("version",),
                    f"{str(version or '')!r:.40} is not supported. Supported: {SUPPORTED_VERSION}",
                )
            )
        return document

    def _entries(self, document: Mapping[str, Any]) -> list[Any]:
        entries = document.get("sources")
        if entries is None:
            return []
        if isinstance(entries, list):
            return entries
        whole = Checked(self.file, self.tree, ())
        self.mistakes.append(whole.mistake(("sources",), "is no list; begin each source with -"))
        return []

    def _entry(self, position: int, value: Any) -> DeclaredSource | None:
        name = _text(value, "name")
        checked = Checked(self.file, self.tree, ("sources", position), name)
        native = value.get("dlt_native") if isinstance(value, Mapping) else None
        if module := _text(native, "source_module"):
            self.modules.append(module)
        if name is not None:
            is_double = name.lower() in self.names
            self.names.append(name.lower())
            if is_double:
                self.mistakes.append(
                    checked.mistake(
                        ("name",),
                        f"is {name!r:.60}, which a source above has, too; rename one of them",
                    )
                )
                return None
        if not isinstance(value, Mapping):
            self.mistakes.append(checked.mistake((), "is no mapping; expected: name, type, ..."))
            return None
        try:
            entry = SourceEntry.model_validate(value)
        except ValidationError as error:
            self.mistakes += checked.mistakes(error, value, SourceEntry)
            return None
        declared = DeclaredSource(entry, Registration(entry.name, self.project_dir), checked)
        self.mistakes += declared.warnings()
        return declared


def _text(value: Any, key: str) -> str | None:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else None


def _read_schedules(file: Path, project_dir: Path) -> tuple[Iterable[Any], Iterable[Mistake]]:
    if not file.is_file():
        return (), ()
    tree = _read(file)
    shown = file.relative_to(project_dir)
    if isinstance(tree, Mistake):
        return (), (replace(tree, file=shown),)
    return parse_schedules(tree, shown)
