"""Mistakes in what a user wrote, each in one line: where, what, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from airflow_dlt_provider.core.errors import closest
from airflow_dlt_provider.core.registry.yaml_tree import KeyPath, YamlTree

_EXPECTED = {
    "bool_type": "true or false, without quotes",
    "string_type": "text; put it in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "date_type": "a date, such as 2026-01-31",
    "datetime_type": "a point in time, such as 2026-01-31T00:00:00Z",
    "is_instance_of": "text",
}
"""pydantic's type of an error -> what was expected."""


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
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """Say all of it in one line."""
        name = f" (source {self.source_name})" if self.source_name else ""
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        return f"{where}{self.key}{name} {self.problem}" if self.key else f"{where}{self.problem}"


def key_text(path: KeyPath) -> str:
    """Write a key path as a person would."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@dataclass(frozen=True)
class Checked:
    """A part of a document that is to be checked."""

    file: Path
    tree: YamlTree
    path: KeyPath
    source_name: str | None = None

    def mistake(
        self, key: KeyPath, problem: str, level: Literal["error", "warning"] = "error"
    ) -> Mistake:
        """Return a mistake at *key* below the part."""
        full = (*self.path, *key)
        line = self.tree.line_of(full)
        return Mistake(self.file, line, key_text(full), problem, self.source_name, level)

    def mistakes(self, error: ValidationError, value: Any) -> list[Mistake]:
        """Return what is wrong with *value*, of which a model says *error*."""
        return [self.mistake(path, text) for path, text in explain(error, value)]


def explain(error: ValidationError, value: Any) -> list[tuple[KeyPath, str]]:
    """Return key path and explanation of every mistake that a model found in *value*.

    Of the kinds that a value may have, the ones that it has not are told in one line.
    """
    found: dict[KeyPath, list[ErrorDetails]] = {}
    for item in error.errors(include_url=False):
        found.setdefault(_real_path(item, value), []).append(item)
    paths = [path for path in found if not any(_is_below(other, path) for other in found)]
    return [(path, _explanation(found[path])) for path in paths]


def parse_model(model: type[BaseModel], value: Any, argument: str) -> BaseModel:
    """Parse *value*, an argument of a Python function.

    Raises:
        ValueError: It is not what the model wants; the message names key and argument.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        texts = (f"{argument}: {key_text(path)} {text}" for path, text in explain(error, value))
        raise ValueError("; ".join(texts)) from None


def _is_below(path: KeyPath, other: KeyPath) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _real_path(item: ErrorDetails, value: Any) -> KeyPath:
    """Return where a mistake is in *value*; pydantic adds the kinds that a value may have."""
    path: list[str | int] = []
    location = list(item["loc"])
    is_missing = item["type"] == "missing"
    for position, part in enumerate(location):
        is_there = (isinstance(value, Mapping) and part in value) or (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and isinstance(part, int)
            and part < len(value)
        )
        if is_there:
            path.append(part)
            value = value[part]
        elif is_missing and position == len(location) - 1:
            path.append(part)
    if item["type"] == "unknown_key":
        path.append(item["ctx"]["key"])
    return tuple(path)


def _explanation(items: Sequence[ErrorDetails]) -> str:
    explained = dict.fromkeys(text for item in items if (text := _without_value(item)))
    if len(items) == 1 or (len(explained) == 1 and not _expectations(items)):
        return _one(items[0])
    expected = " or ".join(dict.fromkeys(_expectations(items)))
    given = items[0]["input"]
    allowed = [name for item in items for name in _allowed(item)]
    meant = closest(given, allowed) if isinstance(given, str) else ""
    return f"is {_shown(given)}; expected: {expected}{meant}"


def _one(item: ErrorDetails) -> str:
    if text := _without_value(item):
        return text
    allowed = _allowed(item)
    if allowed:
        given = item["input"]
        meant = closest(given, allowed) if isinstance(given, str) else ""
        return f"is {_shown(given)}; allowed: {', '.join(allowed)}{meant}"
    return f"is {_shown(item['input'])}; expected: {_expected(item)}"


def _without_value(item: ErrorDetails) -> str | None:
    """Explain what needs no word on the value."""
    if item["type"] == "missing":
        return "is required"
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    return item["msg"] if item["type"] == "unknown_key" else None


def _expectations(items: Iterable[ErrorDetails]) -> Iterator[str]:
    for item in items:
        if _without_value(item) is None:
            yield ", ".join(_allowed(item)) or _expected(item)


def _expected(item: ErrorDetails) -> str:
    return _EXPECTED.get(item["type"]) or item["msg"].removeprefix("Input should be ").lower()


def _allowed(item: ErrorDetails) -> list[str]:
    if item["type"] != "literal_error":
        return []
    return re.findall(r"'([^']*)'", str(item["ctx"]["expected"]))


def _shown(value: Any) -> str:
    """Show a value of one line; what is larger may hold what is nobody's business."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"{value!r:.60}"
