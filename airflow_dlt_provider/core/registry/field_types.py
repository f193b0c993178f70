"""The kinds of values in `sources.yml` and `schedules.yml`, and the words for what is none."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from airflow_dlt_provider.core.registry.addresses import check_destination
from airflow_dlt_provider.core.registry.cron import parse_schedule
from airflow_dlt_provider.core.registry.durations import parse_duration

MAX_NAME_LENGTH = 200
"""Airflow takes Dag ids of 250 characters; the rest is left to suffixes."""

DURATIONS = ("retry_delay", "max_retry_delay", "execution_timeout")
"""Arguments of Airflow's operators that are lengths of time."""

MAX_TAG_LENGTH = 100
"""Airflow's."""

FIRST_YEAR, LAST_YEAR = 1970, 2999
"""Of a date of a Dag; what is far from today cannot be put into another time zone."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_REFERENCE = re.compile(r"[\w.]+:[\w.]+")

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": ["number", "string"], "description": "Seconds, or 30s, 5m, 2h, 1d."}),
]


def source_name(value: str) -> str:
    """Return the name of a source in lower case.

    Raises:
        ValueError: It is none.
    """
    name = value.lower()
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"is {value!r:.60}, which is invalid. Use only lowercase letters, numbers, and "
            "underscores (no hyphens), and begin with a letter"
        )
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"has {len(name)} characters; at most {MAX_NAME_LENGTH} are allowed")
    return name


def is_source_name(name: str) -> bool:
    """Tell whether a source may have this name, in lower case."""
    return _NAME.fullmatch(name) is not None and len(name) <= MAX_NAME_LENGTH


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty text; leave the key out, or write a name")
    return value


def _module_name(value: str) -> str:
    name = value.strip()
    # a path to a file in custom_sources/ is all but the name of its module
    path = re.sub(r"^(\./)?(custom_sources/)?", "", name.replace("\\", "/"))
    module = path.removesuffix(".py").replace("/", ".")
    if _MODULE.fullmatch(name) and not name.endswith(".py"):
        return name
    if _MODULE.fullmatch(module):
        raise ValueError(f"is {value!r:.60}, a file; write its module, without .py: {module!r}")
    raise ValueError(
        f"is {value!r:.60}, which is no name of a module; write the name of a file in "
        "custom_sources/ without .py, or of an installed module: my_api, dlt.sources.rest_api"
    )


def function_name(value: str) -> str:
    """Return the name of a function, which may be inside of something else in its module.

    Raises:
        ValueError: It is none.
    """
    if not _FUNCTION.fullmatch(value):
        raise ValueError(
            f"is {value!r:.60}, which is no name of a function; write it as after def: my_source"
        )
    return value


def _function_reference(value: str) -> str:
    if not _REFERENCE.fullmatch(value):
        raise ValueError(
            f"is {value!r:.60}; expected: module:function, such as my_changes:configure"
        )
    return value


def _task_options(value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Read the durations among the arguments of operators, which YAML has no values for."""
    return {
        name: {
            key: parse_duration(item) if key in DURATIONS and item is not None else item
            for key, item in options.items()
        }
        for name, options in value.items()
    }


def _resource_names(value: list[str]) -> list[str]:
    if not value:
        raise ValueError("is an empty list, which selects nothing; leave it out to load all")
    return value


def _moment(value: Any) -> Any:
    """Take text in quotes as the date that it would be without."""
    if isinstance(value, str):
        try:
            # Python before 3.11 does not know Z
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return value
    if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"is of the year {value.year}; expected: {FIRST_YEAR} to {LAST_YEAR}")
    return value


Moment = Annotated[datetime | date, BeforeValidator(_moment)]
SourceName = Annotated[
    str,
    AfterValidator(source_name),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]*$"}),
]
ModuleName = Annotated[
    str,
    AfterValidator(_module_name),
    WithJsonSchema({"type": "string", "pattern": r"^(?!.*\.py$)[^\s\d/\\:.]+(\.[^\s\d/\\:.]+)*$"}),
]
FunctionName = Annotated[
    str,
    AfterValidator(function_name),
    WithJsonSchema({"type": "string", "pattern": r"^[^\s/\\:()]+$"}),
]
FunctionReference = Annotated[
    str,
    AfterValidator(_function_reference),
    WithJsonSchema({"type": "string", "pattern": r"^[^\s:]+:[^\s:]+$"}),
]
ResourceNames = Annotated[
    list[str],
    AfterValidator(_resource_names),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1}),
]
DestinationName = Annotated[str, AfterValidator(check_destination)]
Schedule = Annotated[str, AfterValidator(parse_schedule)]
Text = Annotated[str, AfterValidator(_text), WithJsonSchema({"type": "string", "pattern": r"\S"})]
TaskOptions = Annotated[dict[str, dict[str, Any]], AfterValidator(_task_options)]
Tag = Annotated[Text, Field(max_length=MAX_TAG_LENGTH)]
Count = Annotated[int, Field(gt=0)]
