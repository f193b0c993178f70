"""Calls the function of a source, and makes dlt sources of what it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from dlt.common.schema import Schema
from dlt.common.schema.exceptions import InvalidSchemaName
from dlt.extract import DltResource, DltSource
from dlt.extract.exceptions import (
    InvalidResourceDataTypeMultiplePipes,
    ResourceNameMissing,
    SourceDataIsNone,
)

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import (
    PlanError,
    SourceArgumentsError,
    SourceEmptyError,
    closest,
)
from airflow_dlt_provider.core.registry.connections import source_arguments
from airflow_dlt_provider.core.spec import SourceSpec


def arguments_of(function: Callable[..., Any], spec: SourceSpec) -> dict[str, Any]:
    """Return the arguments for *function*: those of a connection, and those that the user gave.

    Raises:
        ConnectionUseError: The connection is not what the function reads.
        SourceArgumentsError: They do not fit its signature.
    """
    signature = inspect.signature(function)
    given = source_arguments(spec.connection, signature.parameters) if spec.connection else {}
    kwargs = {**given, **spec.source_kwargs}
    try:
        signature.bind(**kwargs)
    except TypeError as error:
        known = list(signature.parameters)
        unknown = [name for name in spec.source_kwargs if name not in known]
        raise SourceArgumentsError(
            names.function_name(function),
            # what dlt returns is no news
            str(signature.replace(return_annotation=inspect.Signature.empty)),
            f"it has no parameter {unknown[0]!r}{closest(unknown[0], known)}"
            if unknown
            else str(error),
            "function_kwargs" if spec.registration else "source_kwargs",
        ) from error
    return kwargs


def call_function(function: Callable[..., Any], kwargs: Mapping[str, Any]) -> Any:
    """Call the function, and return what it returns.

    Raises:
        SourceEmptyError: dlt finds no resource in what it returned.
        PlanError: dlt does not take the source or its resources as they are named.
    """
    name = names.function_name(function)
    try:
        return function(**kwargs)
    except SourceDataIsNone:
        return None
    except ResourceNameMissing:
        raise SourceEmptyError(name, "data that is in no resource") from None
    except InvalidResourceDataTypeMultiplePipes as error:
        raise PlanError(
            f"{name}() returned two resources named {error.resource_name!r}; give each a name of "
            "its own"
        ) from None
    except InvalidSchemaName as error:
        raise PlanError(
            f"the source is named {error.name!r}, which dlt does not take; write letters, digits "
            f"and underscores, at most {names.MAX_DLT_NAME_LENGTH}: @dlt.source(name=...)"
        ) from None


def sources_of(returned: Any, function: Callable[..., Any]) -> list[DltSource]:
    """Return the sources in what a function returned; loose resources become one.

    Raises:
        SourceEmptyError: There is nothing to load, or something that cannot be.
    """
    items = list(returned) if isinstance(returned, list | tuple) else [returned]
    loose = [item for item in items if isinstance(item, DltResource)]
    sources = [item for item in items if isinstance(item, DltSource)]
    if not items or len(loose) + len(sources) < len(items):
        raise SourceEmptyError(names.function_name(function), described(returned))
    if loose:
        section = (getattr(function, "__module__", None) or "").rpartition(".")[2]
        sources.append(DltSource(Schema(names.function_name(function)), section, loose))
    if not any(source.resources for source in sources):
        raise SourceEmptyError(names.function_name(function), "a source without resources")
    return sources


def described(value: Any) -> str:
    """Say what a function returned; what is in it may be a secret, or somebody's data."""
    return "None" if value is None else f"a {type(value).__name__}"
