"""The plan of a source, by the cheapest way that gives the right one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import ResourceNotFoundError, SourceFailedError
from airflow_dlt_provider.core.planning.batches import packed
from airflow_dlt_provider.core.planning.manifest import (
    Manifest,
    build_manifest,
    is_cacheable,
    question_of,
    read_manifest,
    subject_of,
    write_manifest,
)
from airflow_dlt_provider.core.planning.order import ordered
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedResource, PlannedTask
from airflow_dlt_provider.core.planning.selection import is_pattern, match_names
from airflow_dlt_provider.core.registry.environment import Mask
from airflow_dlt_provider.core.spec import ConnectionValues, PlanSpec

ConnectionReader = Callable[[str], ConnectionValues]
"""Takes the id of a connection."""

Origin = Literal["manifest", "source", "old manifest", "names", "whole source"]


@dataclass(frozen=True)
class PlannedLoad:
    """A plan, and where it came from."""

    plan: LoadPlan
    origin: Origin
    warnings: tuple[str, ...] = ()
    """What to tell the user now; a plan read from a manifest was told about when it was made."""


def plan_load(
    spec: PlanSpec,
    manifest_path: Path,
    ttl_seconds: float | None = None,
    read_connection: ConnectionReader | None = None,
    mask: Mask | None = None,
) -> PlannedLoad:
    """Plan the tasks of *spec*: from the manifest where it fits, else from the source itself.

    A source whose function fails here, for want of a credential or a network, is planned from
    the last manifest, else from the names in `resources`, else as one task.

    Args:
        spec: What the user asked for.
        manifest_path: Where the manifest is kept.
        ttl_seconds: Plan again when the manifest is older; `None` takes it at any age, as a task
            does, which must find the tasks that the Dag had when it was scheduled.
        read_connection: Looks up the source's connection, when the source itself is asked.
        mask: Hides secrets that the source may print then.

    Raises:
        PlanError: The user asked for something that is not there.
        SyntaxError, ImportError, NameError, AttributeError: The user's module is wrong.
    """
    max_tasks = spec.max_tasks
    if max_tasks is None:
        return _plan_unpacked(spec, manifest_path, ttl_seconds, read_connection, mask)
    if spec.decompose == "resource":
        # in one pipeline, resources that feed each other have one cursor
        spec = replace(spec, decompose="component")
    planned = _plan_unpacked(spec, manifest_path, ttl_seconds, read_connection, mask)
    return replace(planned, plan=packed(planned.plan, max_tasks, spec.task_options, {}))


def _plan_unpacked(
    spec: PlanSpec,
    manifest_path: Path,
    ttl_seconds: float | None,
    read_connection: ConnectionReader | None,
    mask: Mask | None,
) -> PlannedLoad:
    manifest = read_manifest(manifest_path) if is_cacheable(spec) else None
    is_fresh = manifest and (
        ttl_seconds is None or not manifest.is_expired(time.time(), ttl_seconds)
    )
    if manifest and is_fresh and manifest.fits(question_of(spec), spec.source.base_dir):
        return PlannedLoad(manifest.plan, "manifest")
    # the only way from parsing to dlt and to the user's module
    from airflow_dlt_provider.core.planning.from_source import plan_from_source

    try:
        plan, files = plan_from_source(_connected(spec, read_connection), mask=mask)
    except SourceFailedError as error:
        return _plan_without_source(spec, manifest, error)
    warnings = plan.warnings
    if is_cacheable(spec):
        try:
            write_manifest(manifest_path, build_manifest(spec, files, time.time(), plan))
        except OSError as error:
            warnings += (f"its plan could not be kept and is made at every parse ({error})",)
    return PlannedLoad(plan, "source", warnings)


def _connected(spec: PlanSpec, read_connection: ConnectionReader | None) -> PlanSpec:
    conn_id = spec.source.source_conn_id
    if conn_id is None or read_connection is None:
        return spec
    try:
        connection = read_connection(conn_id)
    except Exception as error:
        raise SourceFailedError(f"connection {conn_id!r}: {error}") from None
    return replace(spec, source=replace(spec.source, connection=connection))


def _plan_without_source(
    spec: PlanSpec, manifest: Manifest | None, error: SourceFailedError
) -> PlannedLoad:
    name = names.function_name(spec.source.source)
    problem = f"source {name!r} cannot be planned here ({error}); "
    if manifest and (plan := _narrowed(manifest, spec)):
        advice = "its tasks are those of the last plan that could be made"
        return PlannedLoad(plan, "old manifest", (problem + advice,))
    if spec.resources and not any(is_pattern(resource) for resource in spec.resources):
        advice = "its tasks are those that `resources` names"
        return PlannedLoad(_plan_names(spec), "names", (problem + advice,))
    advice = (
        "it is one task, with a cursor of its own; name its tables in `resources` to get a task "
        "for each"
    )
    whole = PlannedTask(names.task_key(name), ())
    return PlannedLoad(LoadPlan((whole,)), "whole source", (problem + advice,))


def _narrowed(manifest: Manifest, spec: PlanSpec) -> LoadPlan | None:
    """Return what *spec* selects of an old plan; `None` if that does not tell."""
    if manifest.subject != subject_of(spec):
        return None
    plan = manifest.plan
    try:
        wanted = match_names("resources", spec.resources or ["*"], plan.known_resources)
        unwanted = match_names("exclude", spec.exclude, plan.known_resources)
    except ResourceNotFoundError:
        return None
    loaded = [name for task in plan.tasks for name in task.resource_names]
    missing = set(spec.resources or ()) - set(loaded) - set(unwanted)
    if any(not is_pattern(name) for name in missing):
        return None
    tasks = tuple(
        replace(task, resources=kept)
        for task in plan.tasks
        if (kept := tuple(r for r in task.resources if r.name in wanted and r.name not in unwanted))
    )
    return replace(plan, tasks=ordered(tasks, spec.after)) if tasks else None


def _plan_names(spec: PlanSpec) -> LoadPlan:
    resources = spec.resources or ()
    unwanted = match_names("exclude", spec.exclude, resources)
    loaded = [
        PlannedResource(name, table_name=name, write_disposition="unknown")
        for name in resources
        if name not in unwanted
    ]
    if spec.decompose == "none":
        return LoadPlan(
            (PlannedTask(names.task_key(names.function_name(spec.source.source)), tuple(loaded)),)
        )
    tasks = tuple(PlannedTask(names.task_key(item.name), (item,)) for item in loaded)
    return LoadPlan(ordered(tasks, spec.after))
