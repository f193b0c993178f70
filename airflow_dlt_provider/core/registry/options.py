"""Options that a user wrote as plain values, checked by their models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from airflow_dlt_provider.core.errors import PlanError, closest
from airflow_dlt_provider.core.source_options import SourceOptions

Path = tuple[str | int, ...]


def parse_source_options(options: Mapping[str, Any]) -> SourceOptions:
    """Return what *options* say of a source.

    Args:
        options: Keys of `SourceOptions`, such as `resource_options`.

    Raises:
        PlanError: A key is unknown, or a value does not fit; the message has the path of each,
            what is allowed, and the closest match.
    """
    try:
        return SourceOptions.model_validate(options)
    except ValidationError as error:
        problems = describe_invalid(error, SourceOptions, options)
        raise PlanError("; ".join(problems)) from None


def describe_invalid(error: ValidationError, model: type[BaseModel], given: Any) -> list[str]:
    """Say what is wrong with *given*, one sentence for each place.

    Args:
        error: What *model* raised.
        model: The model of the whole.
        given: What it was to check.
    """
    found: dict[Path, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        found.setdefault(_path_in(given, details), []).append(details)
    return [
        _described(path, problems, model, given)
        for path, problems in found.items()
        # where a value may be one of several things, the one that it nearly is tells most
        if not any(len(other) > len(path) and other[: len(path)] == path for other in found)
    ]


def path_text(path: Path) -> str:
    """Return a path as one writes it: `resource_options['orders'].columns['id']`."""
    text = ""
    is_name = False
    for part in path:
        if isinstance(part, int) or is_name:
            text += f"[{part!r}]"
            is_name = False
        else:
            text += f".{part}" if text else part
            # what comes below is named by the user, and no key of a model
            is_name = part in ("resource_options", "columns")
    return text


def _path_in(given: Any, details: ErrorDetails) -> Path:
    """Return where a problem is in what was given; pydantic also names the types it has tried."""
    path: list[str | int] = []
    value = given
    for part in details["loc"]:
        is_key = isinstance(value, Mapping) and part in value
        if is_key or (isinstance(part, int) and isinstance(value, list | tuple)):
            value = value[part]
        elif not (details["type"] == "missing" and part == details["loc"][-1]):
            continue
        path.append(part)
    return tuple(path)


def _described(
    path: Path, problems: Sequence[ErrorDetails], model: type[BaseModel], given: Any
) -> str:
    where, first = path_text(path), problems[0]
    types = {details["type"] for details in problems}
    if "extra_forbidden" in types:
        names = _keys_at(path[:-1], model)
        return f"{where} is unknown; allowed are: {', '.join(names)}{closest(str(path[-1]), names)}"
    if "missing" in types:
        return f"{where} is missing"
    for details in problems:
        if details["type"] == "value_error":
            return f"{where}: {details['msg'].removeprefix('Value error, ')}"
    words = [word for details in problems for word in _words(details)]
    shown = repr(first["input"])
    if words:
        return f"{where} is {shown:.80}; allowed are: {', '.join(words)}{closest(shown, words)}"
    expected = " or ".join(dict.fromkeys(_expected(details) for details in problems))
    return f"{where} is {shown:.80}; it must be {expected}"


def _words(details: ErrorDetails) -> list[str]:
    """Return the words that are allowed, where it is a choice of words."""
    if details["type"] != "literal_error":
        return []
    text = details["ctx"]["expected"].replace(" or ", ", ")
    return [word.strip("'") for word in text.split(", ")]


_KINDS = {
    "bool": "true or false",
    "date": "a date",
    "datetime": "a point in time",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "mapping": "a mapping",
    "model": "a mapping",
    "string": "text",
}
"""What pydantic names its errors after -> what it asks for."""


def _expected(details: ErrorDetails) -> str:
    kind = details["type"].partition("_")[0]
    text = details["msg"].removeprefix("Input should be ")
    is_of_other_type = details["type"] == f"{kind}_type" or "parsing" in details["type"]
    return _KINDS.get(kind, text) if is_of_other_type else text


def _keys_at(path: Path, model: type[BaseModel]) -> list[str]:
    """Return the keys of the model that checks what is at *path*."""
    here: Any = model
    for part in path:
        here = _below(here, part)
    models = _models_in(here)
    return list(models[0].model_fields) if models else []


def _below(annotation: Any, part: str | int) -> Any:
    """Return the type of what has the key *part* in a value of another type."""
    for found in _models_in(annotation):
        if part in found.model_fields:
            return found.model_fields[str(part)].annotation
    arguments = get_args(annotation)
    if isinstance(get_origin(annotation), type) and issubclass(get_origin(annotation), Mapping):
        return arguments[1]
    nested = [_below(argument, part) for argument in arguments]
    return next((item for item in nested if item is not None), None)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return []
    return [item for argument in get_args(annotation) for item in _models_in(argument)]
