"""The ends of a window as arguments of a source's function that takes dates."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, get_args

import pendulum

from airflow_dlt_provider.core.planning.source_import import import_function
from airflow_dlt_provider.core.spec import SourceSpec, Window

START, END = "start_date", "end_date"


def with_window_arguments(source: SourceSpec, window: Window) -> SourceSpec:
    """Return *source* with the ends of *window* as `start_date` and `end_date`.

    They are given to a function that has parameters of these names and was not given any, as what
    the parameter is annotated with, else what its default is: a `datetime`, a `date`, else ISO
    text, without the time where both ends are days. A date as the end is never before the end of
    the window, which itself is not in the window.

    Returns:
        *source* itself where the function takes none of them.
    """
    function = import_function(source.source, source.modules_dir)
    parameters = inspect.signature(function).parameters
    ends = {START: window.start, END: window.end}
    is_of_days = all(moment.time() == time.min for moment in ends.values())
    given = {
        name: _argument(parameters[name], moment, is_of_days=is_of_days)
        for name, moment in ends.items()
        if name in parameters and name not in source.source_kwargs
    }
    return replace(source, source_kwargs={**source.source_kwargs, **given}) if given else source


def _argument(parameter: inspect.Parameter, moment: datetime, *, is_of_days: bool) -> Any:
    kind = _kind_of(parameter)
    if kind is datetime:
        default = parameter.default
        is_naive = isinstance(default, datetime) and default.tzinfo is None
        in_utc = moment.astimezone(timezone.utc)
        return in_utc.replace(tzinfo=None) if is_naive else pendulum.instance(moment)
    if kind is date:
        is_midnight = moment.time() == time.min
        is_end = parameter.name == END
        return moment.date() + timedelta(days=1 if is_end and not is_midnight else 0)
    return moment.date().isoformat() if is_of_days else moment.isoformat()


def _kind_of(parameter: inspect.Parameter) -> type[date] | None:
    """Return `datetime` or `date`, whichever the parameter takes; `None` for anything else."""
    annotation = parameter.annotation
    names: set[str] = set()
    if isinstance(annotation, str):
        # not evaluated: what is imported for annotations alone is not there
        names = {name.rpartition(".")[2].lower() for name in re.findall(r"[\w.]+", annotation)}
    elif annotation is not parameter.empty:
        names = {_family(found) for found in _types_in(annotation)}
    elif isinstance(parameter.default, date):
        names = {_family(type(parameter.default))}
    if "datetime" in names:
        return datetime
    return date if "date" in names else None


def _types_in(annotation: Any) -> Iterator[type[Any]]:
    if isinstance(annotation, type):
        yield annotation
    for argument in get_args(annotation):
        yield from _types_in(argument)


def _family(found: type[Any]) -> str:
    if issubclass(found, datetime):
        return "datetime"
    return "date" if issubclass(found, date) else ""
