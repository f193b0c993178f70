"""What a resource declares of its table: for a reader, as nothing is decided by it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

from dlt.extract import DltResource
from dlt.extract.incremental import Incremental, IncrementalResourceWrapper
from dlt.extract.utils import ensure_table_schema_columns

from airflow_dlt_provider.core.planning.plan import DeclaredTable, LoadPlan, PlannedResource

log = logging.getLogger(__name__)


def declared_hints(resource: DltResource) -> dict[str, Any]:
    """Return the fields of `PlannedResource` that describe *resource*.

    Hints that are functions of a row are left out, and so is all of them, with a warning, where
    they cannot be read: a task is no worse for a lack of documentation.
    """
    try:
        return _declared_hints(resource)
    except Exception as error:
        log.warning("Resource %r: its hints cannot be described: %s", resource.name, error)
        return {}


def _declared_hints(resource: DltResource) -> dict[str, Any]:
    incremental = declared_incremental(resource)
    initial_value = getattr(incremental, "initial_value", None)
    is_plain = isinstance(initial_value, int | float | str)
    return {
        "declared": _declared(resource._hints or {}),
        "nested": {
            _nested_name(path): _declared(hints) for path, hints in _nested(resource.nested_hints)
        },
        "cursor_path": str(incremental.cursor_path) if incremental else None,
        "initial_value": str(initial_value) if is_plain else None,
    }


def without_computed_values(plan: LoadPlan, known: Iterable[str]) -> LoadPlan:
    """Return *plan* without initial values that stand nowhere, such as the date of yesterday.

    The documentation of a task is a part of its Dag's version, which a value that differs from
    plan to plan would change with every plan.

    Args:
        plan: What was planned.
        known: Texts in which a value may stand: the source's files, and its arguments.
    """
    texts = tuple(known)

    def kept(resource: PlannedResource) -> PlannedResource:
        value = resource.initial_value
        is_written = value is None or any(value in text for text in texts)
        return resource if is_written else replace(resource, initial_value=None)

    return replace(
        plan,
        tasks=tuple(
            replace(task, resources=tuple(kept(resource) for resource in task.resources))
            for task in plan.tasks
        ),
    )


def _declared(hints: Mapping[str, Any]) -> DeclaredTable:
    columns = _columns(hints.get("columns"))
    keys = hints.get("primary_key")
    if isinstance(keys, str):
        keys = [keys]
    if not keys or callable(keys):
        keys = [name for name, column in columns.items() if column.get("primary_key")]
    return DeclaredTable(
        primary_key=tuple(str(key) for key in keys),
        columns={name: str(column.get("data_type") or "") for name, column in columns.items()},
    )


def _columns(columns: Any) -> dict[str, Mapping[str, Any]]:
    if not columns or (callable(columns) and not isinstance(columns, type)):
        return {}
    return {str(name): column for name, column in ensure_table_schema_columns(columns).items()}


def _nested(hints: Any) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    if isinstance(hints, Mapping):
        yield from ((path, item) for path, item in hints.items() if isinstance(item, Mapping))


def _nested_name(path: str | tuple[str, ...]) -> str:
    return path if isinstance(path, str) else ".".join(path)


def declared_column_type(resource: DltResource, name: str) -> str | None:
    """Return dlt's data type of a column, where *resource* declares it for all rows."""
    columns = _columns((resource._hints or {}).get("columns"))
    return columns.get(name, {}).get("data_type")


def declared_incremental(resource: DltResource) -> Incremental[Any] | None:
    """Return the incremental of a resource, also where dlt makes it when it extracts.

    An argument of the resource's function is not there before that; its default is, in the
    function that dlt keeps behind its own (1.31).
    """
    step: Any = resource.incremental
    found = step.incremental if isinstance(step, IncrementalResourceWrapper) else step
    if step is not None and found is None:
        found = _default_incremental(resource)
    return found if isinstance(found, Incremental) and found.cursor_path else None


def _default_incremental(resource: DltResource) -> Any:
    generate: Any = resource._pipe.gen
    signature = inspect.signature(getattr(generate, "__GEN__", generate))
    argument = IncrementalResourceWrapper.get_incremental_arg(signature)
    if argument is None:
        return None
    given = resource.explicit_args.get(argument.name) if resource.args_bound else None
    if not isinstance(argument.default, Incremental):
        return given
    found = argument.default
    found = found.merge(given) if isinstance(given, Incremental) else found.copy()
    if get_args(argument.annotation) and not hasattr(found, "__orig_class__"):
        # as dlt does when it calls the function
        found.__orig_class__ = argument.annotation
    return found
