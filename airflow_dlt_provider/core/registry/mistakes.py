"""Mistakes in what a user wrote, each in one line: where, what, what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from airflow_dlt_provider.core.registry.explanations import explain
from airflow_dlt_provider.core.registry.yaml_tree import KeyPath, YamlTree, key_text

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, or odd, in a file of the user's."""

    file: Path
    line: int
    key: str
    """The key path, for example `sources[0].dlt_native.source_module`; may be empty."""
    problem: str
    source_name: str | None = None
    """The source that it is about; `None` where it is about the file."""
    level: Level = "error"

    def __str__(self) -> str:
        """Say all of it in one line."""
        name = f" (source {self.source_name:.60})" if self.source_name else ""
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        text = f"{where}{self.key}{name} " if self.key else where
        return _printable(f"{text}{self.problem}")


@dataclass(frozen=True)
class Checked:
    """A part of a document that is to be checked."""

    file: Path
    tree: YamlTree
    path: KeyPath
    source_name: str | None = None

    def mistake(self, key: KeyPath, problem: str, level: Level = "error") -> Mistake:
        """Return a mistake at *key* below the part."""
        full = (*self.path, *key)
        line = self.tree.line_of(full)
        return Mistake(self.file, line, key_text(full), problem, self.source_name, level)

    def mistakes(self, error: ValidationError, value: Any, model: type[BaseModel]) -> list[Mistake]:
        """Return what is wrong with *value*, of which *model* says *error*."""
        return [self.mistake(path, text) for path, text in explain(error, value, model)]


def _printable(text: str) -> str:
    """Write what would break a line, or a terminal, as Python writes it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
