"""The part of a source that one task loads, built afresh."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from dlt.extract import DltResource, DltSource
from dlt.extract.exceptions import DataItemRequiredForDynamicTableHints

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.loading.cursors import cursor_paths
from airflow_dlt_provider.core.loading.left_out import bindings_of, bound_to
from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.loading.window_arguments import with_window_arguments
from airflow_dlt_provider.core.planning.decompose import disposition_of, root_table
from airflow_dlt_provider.core.planning.own_tables import with_own_tables
from airflow_dlt_provider.core.planning.selection import Candidate, candidates, pick, select
from airflow_dlt_provider.core.planning.source_import import build_sources
from airflow_dlt_provider.core.planning.source_options import options_by_resource
from airflow_dlt_provider.core.source_options import SourceOptions
from airflow_dlt_provider.core.spec import LoadRequest, SourceSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Selected:
    """What a task extracts."""

    sources: tuple[DltSource, ...]
    """Clones with names of this task's own, and its resources selected."""
    loaded: tuple[LoadedResource, ...]
    cursor_paths: dict[str, tuple[str, ...]]
    """Resource name -> the cursors that it declares."""
    takes_window: bool = False
    """Whether the source's function was given the ends of the window."""
    limits: dict[str, int] = field(default_factory=dict)
    """Resource name -> the limit that its options set, or those of what feeds it."""


def build_selected(request: LoadRequest) -> Selected:
    """Build the source of *request* afresh, and select and name what the task loads.

    Raises:
        PlanError: The source does not hold what the task loads.
    """
    source_spec = request.source
    if request.window:
        source_spec = with_window_arguments(source_spec, request.window)
    built, options = _build(source_spec, request.resources)
    available = candidates(built)
    _warn_of_new_resources(request, [candidate.name for candidate in available])
    chosen = (
        pick(available, request.resources) if request.resources else select(available, None, ())
    )
    if request.selected:
        chosen = _with_those_bound_to(pick(chosen, request.selected), chosen)
    sources = []
    for source in built:
        short_names = [item.short_name for item in chosen if item.source is source]
        if short_names:
            schema_name = _schema_name(source, request)
            sources.append(source.with_resources(*short_names).clone(with_name=schema_name))
    return Selected(
        tuple(sources),
        tuple(_describe(item, _schema_name(item.source, request)) for item in chosen),
        {item.name: cursor_paths(item.resource) for item in chosen},
        takes_window=source_spec is not request.source,
        limits=_limits(options, available, chosen),
    )


def _build(spec: SourceSpec, resources: Sequence[str]) -> tuple[list[DltSource], SourceOptions]:
    """Build the source of *spec*, and return it with the options that are said of what it has."""
    own = with_own_tables(spec, resources)
    if own is None:
        return build_sources(spec), spec.options
    # such a source has imported it; other tasks do without
    from sqlalchemy.exc import InvalidRequestError

    try:
        return build_sources(own), own.options
    except InvalidRequestError:
        # a table that is no longer there: the whole source says which there are
        return build_sources(spec), spec.options


def _limits(
    options: SourceOptions, available: Sequence[Candidate], chosen: Sequence[Candidate]
) -> dict[str, int]:
    said = options_by_resource(options, [item.name for item in available])
    limits = {
        (item.source.name, item.short_name): limit
        for item in available
        # a transformer is limited by what feeds it
        if (limit := said[item.name].limit) is not None and not item.resource.is_transformer
    }
    found = {}
    for item in chosen:
        for name in (item.short_name, *item.parents):
            if limit := limits.get((item.source.name, name)):
                found[item.name] = limit
    return found


def _with_those_bound_to(wanted: list[Candidate], of_task: list[Candidate]) -> list[Candidate]:
    """Add the resources of a task that share a cursor or a table with a wanted one.

    A cursor that goes on for one of them alone would leave out rows of the others.
    """
    bindings = {
        item.name: bindings_of(
            item.source.name,
            (item.short_name, *item.parents),
            root_table(item.resource, item.source.schema),
        )
        for item in of_task
    }
    found = bound_to({item.name for item in wanted}, bindings)
    return [item for item in of_task if item.name in found]


def _schema_name(source: DltSource, request: LoadRequest) -> str:
    registration = request.source.registration
    registered_name = registration.name if registration else None
    return names.schema_name(source.name, request.task_key, registered_name)


def _describe(item: Candidate, schema_name: str) -> LoadedResource:
    return LoadedResource(
        name=item.name,
        short_name=item.short_name,
        source_name=item.source.name,
        schema_name=schema_name,
        table_name=root_table(item.resource, item.source.schema),
        write_disposition=disposition_of(item.resource),
        appends=_appends(item.resource),
        is_dispatched=bool(item.resource.has_dynamic_table_name),
        fed_by=item.parents,
    )


def _appends(resource: DltResource) -> bool | None:
    disposition = disposition_of(resource)
    if disposition == "dynamic":
        return None
    if disposition != "merge":
        return disposition == "append"
    try:
        columns = resource.compute_table_schema()["columns"].values()
    except DataItemRequiredForDynamicTableHints:
        return None
    # dlt appends what it cannot merge by a key
    return not any(column.get("primary_key") or column.get("merge_key") for column in columns)


def _warn_of_new_resources(request: LoadRequest, available: Sequence[str]) -> None:
    new = [name for name in available if name not in request.known_resources]
    if request.known_resources and new:
        log.warning(
            "The source has new resources that no task loads: %s; they get a task when it is "
            "planned again, at the latest after [dlt] manifest_ttl",
            ", ".join(new),
        )
