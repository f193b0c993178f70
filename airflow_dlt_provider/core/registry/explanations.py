"""What a model says of a value, in words for whoever wrote the value."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from airflow_dlt_provider.core.errors import closest
from airflow_dlt_provider.core.registry.yaml_tree import KeyPath

AT_KEY = "at_key"
"""Our type of an error that a check of a whole mapping finds at one key: see `mistake_at`."""

_EXPECTED = {
    "bool_type": "true or false, without quotes",
    "string_type": "text; put it in quotes",
    "string_unicode": "text",
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
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "too_short": "at least {min_length} items",
    "too_long": "at most {max_length} items",
}
"""pydantic's type of an error -> what was expected, with the error's context."""


def mistake_at(key: str, text: str) -> PydanticCustomError:
    """Return the error that a model raises of one key, when it checks the whole mapping."""
    return PydanticCustomError(AT_KEY, "{text}", {"key": key, "text": text})


def unknown_key(key: str, allowed: Collection[str]) -> str:
    """Say that nothing has this key, and which keys there are."""
    return f"is unknown{closest(key, allowed)}; allowed: {', '.join(allowed)}"


def explain(
    error: ValidationError, value: Any, model: type[BaseModel]
) -> list[tuple[KeyPath, str]]:
    """Return key path and explanation of every mistake that *model* found in *value*.

    Of the kinds that a value may have, the ones that it has not are told in one line; and so are
    a key that is misspelt, and the one that is missing for it.
    """
    found: dict[KeyPath, list[ErrorDetails]] = {}
    for item in error.errors(include_url=False):
        found.setdefault(_real_path(item, value), []).append(item)
    misspelt = {
        (*path[:-1], name)
        for path, items in found.items()
        for item in items
        if item["type"] == "extra_forbidden"
        for name in _meant(str(path[-1]), _fields_at(model, item["loc"][:-1]))
    }
    return [
        (path, _explanation(items, model))
        for path, items in found.items()
        if not any(_is_below(other, path) for other in found)
        and not (path in misspelt and items[0]["type"] == "missing")
    ]


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
    if item["type"] == AT_KEY:
        path.append(item["ctx"]["key"])
    return tuple(path)


def _fields_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the keys that may stand where *location* is in a document of *model*."""
    kinds: list[Any] = [model]
    for part in location:
        inside = [found for kind in kinds for found in _inside(kind, part)]
        # a part that is in none of them is pydantic's name of one of them
        kinds = inside or [kind for kind in kinds if getattr(kind, "__name__", "") == part] or kinds
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return [name for kind in models for name in kind.model_fields]


def _inside(kind: Any, part: str | int) -> Iterator[Any]:
    """Yield the types that the value at *part* of a value of type *kind* may have."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if part in kind.model_fields:
            yield from _kinds(kind.model_fields[str(part)].annotation)
    elif isinstance(get_origin(kind), type) and (arguments := get_args(kind)):
        yield from _kinds(arguments[-1])


def _kinds(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for argument in get_args(annotation):
            yield from _kinds(argument)
    else:
        yield annotation


def _place_of(key: str, model: type[BaseModel], allowed: Collection[str]) -> str:
    """Say where a key belongs that is right in another place of the document, or nothing."""
    if key in model.model_fields and key not in allowed:
        return "belongs to the entry itself, and here "
    for name, field in model.model_fields.items():
        for kind in _kinds(field.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel) and key in kind.model_fields:
                return f"belongs under {name}:, and here "
    return ""


def _meant(asked: str, allowed: Sequence[str]) -> list[str]:
    return [name for name in allowed if repr(name) in closest(asked, allowed)]


def _explanation(items: Sequence[ErrorDetails], model: type[BaseModel]) -> str:
    if items[0]["type"] == "extra_forbidden":
        *location, key = items[0]["loc"]
        allowed = _fields_at(model, location)
        return f"{_place_of(str(key), model, allowed)}{unknown_key(str(key), allowed)}"
    for item in items:
        # of the kinds that a value may have, the one that it nearly is tells most
        if text := _without_value(item):
            return text
    if len(items) == 1:
        return _one(items[0])
    # advice how to write one kind would read as one on all of them
    expected = " or ".join(text.partition(";")[0] for text in dict.fromkeys(_expectations(items)))
    given = items[0]["input"]
    allowed = [name for item in items for name in _allowed(item)]
    meant = closest(given, allowed) if isinstance(given, str) else ""
    return f"is {_shown(given)}; expected: {expected}{meant}"


def _one(item: ErrorDetails) -> str:
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
    return item["msg"] if item["type"] == AT_KEY else None


def _expectations(items: Iterable[ErrorDetails]) -> list[str]:
    return [", ".join(_allowed(item)) or _expected(item) for item in items]


def _expected(item: ErrorDetails) -> str:
    kind, given = item["type"], item["input"]
    if kind == "string_type" and isinstance(given, Mapping | list | None):
        return "text"
    if kind == "list_type" and isinstance(given, str):
        return f"a list: [{given:.40}]"
    known = _EXPECTED.get(kind)
    if known is None:
        return item["msg"].removeprefix("Input should be ").lower()
    return known.format(**item.get("ctx", {}))


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
    if isinstance(value, date):
        return f"{value.isoformat()}, a date"
    return f"{value!r:.60}"
