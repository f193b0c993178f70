"""A resource that fails while it is extracted does not take the others of its task with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dlt.extract.exceptions import DltResourceException, PipeException
from dlt.pipeline.exceptions import PipelineStepFailed

from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.problem import chain_of


class ResourcesFailed(Exception):  # noqa: N818 - a finding, which the load goes on from
    """Raised when extraction failed for some of a task's resources, and could do without them.

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


def without_failed(
    error: PipelineStepFailed, loaded: Sequence[LoadedResource]
) -> ResourcesFailed | None:
    """Return which resources *error* leaves to be loaded; `None` where it names none, or all.

    A resource that feeds another, or writes one table with it, fails for both.
    """
    name = _failed_name(error)
    named = {item.name for item in loaded if name in item.state_names}
    failed = bound_to(named, {item.name: _bindings(item) for item in loaded})
    others = [item.name for item in loaded if item.name not in failed]
    if not failed or not others:
        return None
    return ResourcesFailed(error, [i.name for i in loaded if i.name in failed], others)


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


def _bindings(item: LoadedResource) -> set[tuple[str, str]]:
    state_names = {(item.schema_name, name) for name in item.state_names}
    return {*state_names, ("table", item.table_name)}


def _failed_name(error: PipelineStepFailed) -> str | None:
    for cause in chain_of(error):
        if isinstance(cause, PipeException):
            return str(cause.pipe_name)
        if isinstance(cause, DltResourceException):
            return str(cause.resource_name)
    return None
