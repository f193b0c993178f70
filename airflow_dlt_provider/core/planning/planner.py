"""The plan of a source, by the cheapest way that gives the right one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import (
    ManifestError,
    ResourceNotFoundError,
    SourceFailedError,
)
from airflow_dlt_provider.core.planning.fingerprint import (
    fingerprint_of,
    is_cacheable,
    subject_of,
)
from airflow_dlt_provider.core.planning.manifest import (
    BUILD_COMMAND,
    Manifest,
    read_manifest,
    write_manifest,
)
from airflow_dlt_provider.core.planning.order import ordered
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedResource, PlannedTask
from airflow_dlt_provider.core.planning.selection import is_pattern, match_names
from airflow_dlt_provider.core.spec import ConnectionValues, PlanSpec

if TYPE_CHECKING:
    # it brings what reads `.env` files
    from airflow_dlt_provider.core.registry.environment import Mask

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
    committed: Path | None = None,
) -> PlannedLoad:
    """Plan the tasks of *spec*: from a manifest that fits, else from the source itself.

    A source whose function fails here, for want of a credential or a network, is planned from
    the last manifest, else from the names in `resources`, else as one task.

    Args:
        spec: What the user asked for.
        manifest_path: Where the cached manifest is kept.
        ttl_seconds: Plan again when it is older; `None` takes it at any age, as a task does,
            which must find the tasks that the Dag had when it was scheduled.
        read_connection: Looks up the source's connection, when the source itself is asked.
        mask: Hides secrets that the source may print then.
        committed: Where a committed manifest may lie; it comes first, and does not age.

    Raises:
        PlanError: The user asked for something that is not there.
        SyntaxError, ImportError, NameError, AttributeError: The user's module is wrong.
    """
    warnings: list[str] = []
    built = None
    if committed and is_cacheable(spec):
        built = _read(committed, warnings, f"run `{BUILD_COMMAND}`")
    misfit = built.fingerprint.misfit(spec) if built else None
    if built and committed and misfit:
        warnings.append(
            f"its manifest {_shown(committed, spec)} is out of date: {misfit}; "
            f"run `{BUILD_COMMAND}`, and commit what it writes"
        )
    if built and not misfit:
        planned = PlannedLoad(built.plan, "manifest")
    elif is_cacheable(spec):
        planned = _plan_cached(spec, manifest_path, ttl_seconds, built, read_connection, mask)
    else:
        planned = _plan_source(spec, None, None, read_connection, mask)
    planned = replace(planned, warnings=(*warnings, *planned.warnings))
    if spec.max_tasks is None:
        return planned
    # most Dags are parsed without it
    from airflow_dlt_provider.core.planning.batches import packed

    # what is remembered of its resources holds although the source has changed
    seconds = built.seconds_by_resource if built else {}
    return replace(planned, plan=packed(planned.plan, spec.max_tasks, spec.task_options, seconds))


def _plan_cached(
    spec: PlanSpec,
    manifest_path: Path,
    ttl_seconds: float | None,
    built: Manifest | None,
    read_connection: ConnectionReader | None,
    mask: Mask | None,
) -> PlannedLoad:
    """Plan from the cached manifest, else from the source, else from any manifest there is."""
    warnings: list[str] = []
    cached = _read(manifest_path, warnings, "it is made anew")
    is_fresh = cached and (ttl_seconds is None or not cached.is_expired(time.time(), ttl_seconds))
    if cached and is_fresh and cached.fingerprint.misfit(spec) is None:
        planned = PlannedLoad(cached.plan, "manifest")
    else:
        planned = _plan_source(spec, manifest_path, cached or built, read_connection, mask)
    return replace(planned, warnings=(*warnings, *planned.warnings))


def _read(path: Path, warnings: list[str], remedy: str) -> Manifest | None:
    try:
        return read_manifest(path)
    except ManifestError as error:
        warnings.append(f"{error}; {remedy}")
        return None


def _shown(path: Path, spec: PlanSpec) -> Path:
    base_dir = spec.source.base_dir
    return path.relative_to(base_dir) if path.is_relative_to(base_dir) else path


def _plan_source(
    spec: PlanSpec,
    manifest_path: Path | None,
    manifest: Manifest | None,
    read_connection: ConnectionReader | None,
    mask: Mask | None,
) -> PlannedLoad:
    """Plan from the source itself, and keep the plan; else as *manifest* says."""
    # the only way from parsing to dlt and to the user's module
    from airflow_dlt_provider.core.planning.from_source import plan_from_source

    try:
        plan, files = plan_from_source(connected(spec, read_connection), mask=mask)
    except SourceFailedError as error:
        return _plan_without_source(spec, manifest, error)
    warnings = plan.warnings
    if manifest_path:
        try:
            kept = Manifest(fingerprint_of(spec, files), plan, time.time())
            write_manifest(manifest_path, kept)
        except OSError as error:
            warnings += (f"its plan could not be kept and is made at every parse ({error})",)
    return PlannedLoad(plan, "source", warnings)


def connected(spec: PlanSpec, read_connection: ConnectionReader | None) -> PlanSpec:
    """Return *spec* with the values of the source's connection.

    Raises:
        SourceFailedError: The connection cannot be looked up here.
    """
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
    if manifest.fingerprint.subject != subject_of(spec):
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
    if spec.grouping == "none":
        return LoadPlan(
            (PlannedTask(names.task_key(names.function_name(spec.source.source)), tuple(loaded)),)
        )
    tasks = tuple(PlannedTask(names.task_key(item.name), (item,)) for item in loaded)
    return LoadPlan(ordered(tasks, spec.after))
