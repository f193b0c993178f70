"""What is said of a source without Python, put into the dlt sources that were built.

It comes after the source's own function and after `configure`, and has the last word. What is not
said stays as the source has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timezone
from typing import Any

import dlt
from dlt.common.time import datetime_obj_to_str, detect_datetime_format, ensure_datetime
from dlt.extract import DltResource, DltSource
from dlt.extract.exceptions import InvalidParallelResourceDataType
from dlt.extract.incremental import Incremental

from airflow_dlt_provider.core.errors import DltProviderError, PlanError
from airflow_dlt_provider.core.planning.hints import declared_column_type, declared_incremental
from airflow_dlt_provider.core.planning.selection import candidates, match_names
from airflow_dlt_provider.core.source_options import (
    Disposition,
    DispositionOptions,
    IncrementalOptions,
    Options,
    ResourceOptions,
    SourceOptions,
)


def apply_source_options(sources: Sequence[DltSource], options: SourceOptions) -> None:
    """Change *sources* as *options* say.

    Args:
        sources: Fresh ones; they are changed in place.
        options: Of several sources, resources are named `<source>__<resource>`.

    Raises:
        ResourceNotFoundError: A name or pattern matches no resource.
        PlanError: What is said does not fit a resource.
    """
    if not options.model_fields_set:
        return
    for source in sources:
        if options.max_table_nesting is not None:
            source.max_table_nesting = options.max_table_nesting
        if options.root_key is not None:
            source.root_key = options.root_key
    resources = {item.name: item.resource for item in candidates(sources)}
    said = options_by_resource(options, list(resources))
    for name, resource in resources.items():
        own = said[name]
        named = options.resource_options.get(name, ResourceOptions()).model_fields_set
        with _named(name):
            _apply_hints(resource, own, own.write_disposition or options.write_disposition)
            _apply_steps(resource, own, named)


def options_by_resource(
    options: SourceOptions, available: Sequence[str]
) -> dict[str, ResourceOptions]:
    """Return resource name -> what is said of it: later entries win key by key.

    Raises:
        ResourceNotFoundError: A name or pattern matches none of the *available* resources.
    """
    said: dict[str, dict[str, Any]] = {name: {} for name in available}
    for pattern, own in options.resource_options.items():
        values = {key: getattr(own, key) for key in own.model_fields_set}
        for name in match_names("resource_options", [pattern], available):
            said[name] |= values
    return {name: ResourceOptions.model_construct(**values) for name, values in said.items()}


@contextmanager
def _named(resource_name: str) -> Iterator[None]:
    """Say of which resource dlt refuses an option."""
    try:
        yield
    except DltProviderError:
        raise
    except Exception as error:
        raise PlanError(f"resource_options[{resource_name!r}]: {error}") from error


def _apply_hints(
    resource: DltResource,
    own: ResourceOptions,
    disposition: Disposition | DispositionOptions | None,
) -> None:
    hints: dict[str, Any] = {
        "write_disposition": _disposition(disposition),
        "primary_key": own.primary_key,
        "merge_key": own.merge_key,
        "columns": {name: _said(column) for name, column in (own.columns or {}).items()} or None,
        "table_name": own.table_name,
        "schema_contract": _said(own.schema_contract),
        "incremental": _incremental(resource, own.incremental) if own.incremental else None,
        "table_format": own.table_format,
        "file_format": own.file_format,
    }
    given = {name: value for name, value in hints.items() if value is not None}
    if given:
        resource.apply_hints(**given)
    if own.max_table_nesting is not None:
        resource.max_table_nesting = own.max_table_nesting


def _apply_steps(resource: DltResource, own: ResourceOptions, named: Collection[str]) -> None:
    """Change how rows are extracted; a pattern leaves out the resources that it does not fit.

    Args:
        resource: It is changed in place.
        own: What is said of it.
        named: The keys that are said under its own name.
    """
    if own.limit is not None and not resource.is_transformer:
        resource.add_limit(own.limit, count_rows=True)
    elif own.limit is not None and "limit" in named:
        raise PlanError(
            f"resource_options[{resource.name!r}].limit: it is a transformer, which dlt does not "
            "limit; limit the resource that feeds it"
        )
    if own.parallelized:
        try:
            resource.parallelize()
        except InvalidParallelResourceDataType:
            if "parallelized" in named:
                raise


def _disposition(disposition: Disposition | DispositionOptions | None) -> Any:
    if isinstance(disposition, DispositionOptions):
        said = _said(disposition)
        # a mapping that says nothing else is not taken for the word by all of dlt
        return disposition.disposition if said.keys() == {"disposition"} else said
    return disposition


def _said(options: Options | str | None) -> Any:
    """Return what was said, as dlt takes it."""
    return options.model_dump(exclude_unset=True) if isinstance(options, Options) else options


def _incremental(resource: DltResource, options: IncrementalOptions) -> Incremental[Any]:
    """Return the cursor that is asked for; one that the source has is changed."""
    declared = declared_incremental(resource)
    if declared is not None and declared.cursor_path != options.cursor_path:
        declared = None
    values = {**_arguments_of(declared), **_said(options)}
    column_type = declared_column_type(resource, options.cursor_path)
    for name in ("initial_value", "end_value"):
        if name in options.model_fields_set:
            values[name] = _typed(values[name], declared, column_type)
    incremental = dlt.sources.incremental(**values)
    if declared is not None and hasattr(declared, "__orig_class__"):
        incremental.__orig_class__ = declared.__orig_class__
    return incremental


def _arguments_of(incremental: Incremental[Any] | None) -> Mapping[str, Any]:
    if incremental is None:
        return {}
    return {
        "initial_value": incremental.initial_value,
        "end_value": incremental.end_value,
        "last_value_func": incremental.last_value_func,
        "primary_key": incremental.primary_key
        if incremental._dedup_key_from_hints is False
        else None,
        "row_order": incremental.row_order,
        "allow_external_schedulers": incremental.allow_external_schedulers,
        "on_cursor_value_missing": incremental.on_cursor_value_missing,
        "lag": incremental.lag,
        "range_start": incremental.range_start,
        "range_end": incremental.range_end,
    }


def _typed(value: Any, declared: Incremental[Any] | None, column_type: str | None) -> Any:
    """Return *value* as the source's own cursor, or the column of that name, has its values.

    YAML makes a date of `2026-01-31` and text of `"2026-01-31"`, whichever the rows have.
    """
    if declared is None:
        # rows may hold text where their column will hold points in time
        is_moment = isinstance(value, date) and column_type == "timestamp"
        return _as_kind(value, datetime, None) if is_moment else value
    sample, kind = declared.initial_value, declared.get_incremental_value_type()
    if isinstance(sample, str) and isinstance(value, date):
        text_format = detect_datetime_format(sample)
        in_utc = ensure_datetime(value).astimezone(timezone.utc)
        return datetime_obj_to_str(in_utc, text_format) if text_format else value
    if isinstance(value, str | date) and isinstance(kind, type) and issubclass(kind, date):
        return _as_kind(value, kind, sample)
    return value


def _as_kind(value: str | date, kind: type[date], sample: Any) -> date:
    """Return *value* as a date, or as a point in time with or without a zone like *sample*."""
    if not issubclass(kind, datetime):
        return ensure_datetime(value).date()
    if isinstance(value, datetime):
        return value
    moment = ensure_datetime(value)
    is_naive = isinstance(sample, datetime) and sample.tzinfo is None
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if is_naive else moment
