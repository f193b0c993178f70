"""The cursors of a resource, found before it is extracted."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import Any, get_args

from dlt.common.time import datetime_obj_to_str, detect_datetime_format, ensure_datetime
from dlt.extract import DltResource
from dlt.extract.incremental import Incremental, IncrementalResourceWrapper
from dlt.extract.incremental.lag import DATE_STR_FORMATS


def incremental_of(resource: DltResource) -> Incremental[Any] | None:
    """Return the incremental of *resource*, or `None`.

    One that is an argument of the resource's function is made when dlt calls the function. It is
    made here and given to the resource, so that it can be looked at and changed before.
    """
    step = resource.incremental
    if not isinstance(step, IncrementalResourceWrapper):
        return step
    if step.incremental is None and (found := _argument_of(resource._pipe.gen)):
        # as if given by hints, or dlt would make it once more
        step.set_incremental(found, from_hints=True)
    return step.incremental


def without_scheduler(resource: DltResource) -> bool:
    """Have *resource* go on from its cursor, and tell whether it asked for a scheduler's interval.

    On a cursor of its own, dlt would load an empty interval, or fail where a run has none.
    """
    incremental, step = incremental_of(resource), resource.incremental
    if incremental is None or step is None or not incremental.allow_external_schedulers:
        return False
    incremental.allow_external_schedulers = False
    step.allow_external_schedulers = False
    return True


def cursor_paths(resource: DltResource) -> tuple[str, ...]:
    """Return the paths of the cursors that *resource* declares."""
    incremental = incremental_of(resource)
    path = incremental.cursor_path if incremental else None
    return (str(path),) if path else ()


class CursorType:
    """How points in time are written as values of one cursor.

    Args:
        incremental: The cursor.
        known: Its last value; `None` before its first load.
        column_type: dlt's data type of its column, where the resource declares it.
    """

    def __init__(self, incremental: Incremental[Any], known: Any, column_type: str | None) -> None:
        self._sample = incremental.initial_value if known is None else known
        self._kind = _kind_of(incremental, self._sample, column_type)
        self._format = (
            detect_datetime_format(self._sample) if isinstance(self._sample, str) else None
        )
        self._is_lag_in_days = _is_lag_in_days(incremental, known)

    @property
    def has_offset(self) -> bool:
        """Whether it is text with an offset from UTC: texts of two offsets do not compare."""
        return "%z" in (self._format or "") or "%:z" in (self._format or "")

    @property
    def reason(self) -> str | None:
        """Why points in time are no values of it; `None` if they are."""
        if self._kind in (date, datetime) or self._format:
            return None
        if self._kind is None:
            return (
                "nothing tells the type of its cursor; annotate it, "
                "dlt.sources.incremental[pendulum.DateTime], or give it an initial_value"
            )
        return f"its cursor is of type {self._kind.__name__}, and a window has dates"

    def value(self, moment: datetime) -> Any:
        """Return *moment*, which has a time zone, as a value of the cursor."""
        if self._format is not None:
            return self._text(moment, self._format)
        if self._kind is date:
            return moment.date()
        is_naive = isinstance(self._sample, datetime) and self._sample.tzinfo is None
        return _naive(moment) if is_naive else moment

    def lag(self, days: int) -> float:
        """Return *days* in the unit of dlt's `lag`: days for dates, seconds for points in time."""
        return days if self._is_lag_in_days else days * 86400

    def _text(self, moment: datetime, text_format: str) -> str:
        if text_format in DATE_STR_FORMATS:
            return datetime_obj_to_str(moment.date(), text_format)
        if self.has_offset:
            # texts are compared as they are, so in the offset that they have
            zone = ensure_datetime(str(self._sample)).tzinfo
            return datetime_obj_to_str(moment.astimezone(zone), text_format)
        return datetime_obj_to_str(_naive(moment), text_format)


def _argument_of(function: Any) -> Incremental[Any] | None:
    """Return the incremental that dlt will give to a function, as its `wrap` makes it."""
    if not inspect.isroutine(function):
        return None
    signature = inspect.signature(inspect.unwrap(function))
    parameter = IncrementalResourceWrapper.get_incremental_arg(signature)
    if parameter is None:
        return None
    found: Incremental[Any] | None
    default = parameter.default if isinstance(parameter.default, Incremental) else None
    bound = _bound_arguments(function, signature).get(parameter.name)
    if isinstance(bound, Incremental):
        found = default.merge(bound) if default else bound.copy()
    else:
        found = default.copy() if default else None
        if found is not None and bound is not None:
            found.initial_value = bound
    is_typed = hasattr(found, "__orig_class__")
    if found is not None and get_args(parameter.annotation) and not is_typed:
        found.__orig_class__ = parameter.annotation
    return found


def _bound_arguments(function: Any, signature: inspect.Signature) -> dict[str, Any]:
    """Return the arguments with which a source has called the function of a resource.

    dlt 1.31 keeps them in a closure (`dlt.extract.utils.wrap_resource_gen`).
    """
    if not inspect.isfunction(function):
        return {}
    kept = inspect.getclosurevars(function).nonlocals
    args, kwargs = kept.get("args", ()), kept.get("kwargs", {})
    try:
        return dict(signature.bind_partial(*args, **kwargs).arguments)
    except TypeError:
        return {}


def _kind_of(
    incremental: Incremental[Any], sample: Any, column_type: str | None
) -> type[Any] | None:
    if sample is not None:
        kinds: Sequence[type[Any]] = (datetime, date)
        return next((kind for kind in kinds if isinstance(sample, kind)), type(sample))
    declared = incremental.get_incremental_value_type()
    if isinstance(declared, type) and declared is not Any:
        return next((kind for kind in (datetime, date) if issubclass(declared, kind)), declared)
    return {"timestamp": datetime, "date": date}.get(column_type or "")


def _is_lag_in_days(incremental: Incremental[Any], known: Any) -> bool:
    """Tell the unit of a lag as dlt 1.31 does (`dlt.extract.incremental.lag`).

    The declared type decides, then an initial value that is text, then the last value.
    """
    declared = incremental.get_incremental_value_type()
    if isinstance(declared, type) and issubclass(declared, date):
        return not issubclass(declared, datetime)
    for value in (incremental.initial_value, known):
        if isinstance(value, str) and (text_format := detect_datetime_format(value)):
            return text_format in DATE_STR_FORMATS
    return isinstance(known, date) and not isinstance(known, datetime)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(tzinfo=None)
