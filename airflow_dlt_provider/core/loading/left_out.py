"""A resource that fails while it is extracted does not take the others of its task with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from dlt.common.schema.exceptions import DataValidationError
from dlt.extract.exceptions import DltResourceException, PipeException
from dlt.pipeline.exceptions import PipelineStepFailed

from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.problem import chain_of


class ResourceFailedError(Exception):
    """Raised when extraction failed for some of a task's resources; the load may do without them.

    Attributes:
        error: dlt's, which names one resource.
        failed: Names of the resources that cannot be loaded for it.
        others: Names of those that can.
    """

    def __init__(
        self, error: PipelineStepFailed, failed: Sequence[str], others: Sequence[str]
    ) -> None:
        self.error = error
        self.failed = tuple(failed)
        self.others = tuple(others)
        super().__init__(f"{', '.join(failed)}: {error}")


def failed_resources(
    error: PipelineStepFailed, of_task: Sequence[LoadedResource], extracted: Sequence[str]
) -> ResourceFailedError | None:
    """Return what *error* leaves to be loaded; `None` where it names no resource.

    A resource that feeds another, or writes one table with it, fails for both. Where resources of
    several sources have the name that failed, dlt does not tell of which, and all of them are out.

    Args:
        error: Of the step extract.
        of_task: The resources that the task selects.
        extracted: Names of those of them that were to be extracted.
    """
    named = {item.name for item in of_task if _is_named(item, error)}
    if not named:
        return None
    bindings = {
        item.name: bindings_of(item.schema_name, item.state_names, item.table_name)
        for item in of_task
    }
    failed = bound_to(named, bindings)
    return ResourceFailedError(
        error,
        [item.name for item in of_task if item.name in failed],
        [name for name in extracted if name not in failed],
    )


def bound_to(names: Collection[str], bindings: Mapping[str, Collection[Any]]) -> set[str]:
    """Return *names* and all that share a binding with one of them, step by step.

    Args:
        names: Some of the keys of *bindings*.
        bindings: Name of a resource -> the cursors and tables that it has, in one task.
    """
    found = set(names)
    while more := {
        name
        for name, own in bindings.items()
        if name not in found and any(set(own) & set(bindings[other]) for other in found)
    }:
        found |= more
    return found


def bindings_of(
    source_name: str, state_names: Iterable[str], table_name: str
) -> set[tuple[str, ...]]:
    """Return the cursors and the table that a resource may share with others of its task.

    Args:
        source_name: Tells the sources of the task apart.
        state_names: Short names of the resource and of those that feed it.
        table_name: Its root table.
    """
    return {*(("state", source_name, name) for name in state_names), ("table", table_name)}


def _is_named(item: LoadedResource, error: PipelineStepFailed) -> bool:
    """Tell whether *error* names a resource, one that feeds it, or its table."""
    for cause in chain_of(error):
        if isinstance(cause, PipeException):
            return cause.pipe_name in item.state_names
        if isinstance(cause, DltResourceException):
            return cause.resource_name in item.state_names
        if isinstance(cause, DataValidationError):
            return (cause.schema_name, cause.table_name) == (item.schema_name, item.table_name)
    return False
