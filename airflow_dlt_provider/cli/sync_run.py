"""Plans and runs a sync that was asked for on the command line."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from airflow_dlt_provider.cli.dry_run import DryRun
from airflow_dlt_provider.cli.preparing import Failures, plan_sources, prepare_sources
from airflow_dlt_provider.cli.redaction import Redaction
from airflow_dlt_provider.cli.sync_display import Lines, LiveTable
from airflow_dlt_provider.cli.sync_report import SyncReport
from airflow_dlt_provider.core.errors import ResourceNotFoundError
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.sync.plan import PlannedSync, select_tasks
from airflow_dlt_provider.core.sync.purpose import SyncPlaces, SyncPurpose
from airflow_dlt_provider.core.sync.requests import new_run_id
from airflow_dlt_provider.core.sync.sync import (
    PreparedSource,
    default_workers,
    run_sync,
    task_id,
)


@dataclass(frozen=True)
class SyncSettings:
    """What is asked of a sync, and how it is done."""

    purpose: SyncPurpose
    places: SyncPlaces
    redaction: Redaction
    store: str | None = None
    """What a person named as the state store."""
    workers: int | None = None
    is_quiet: bool = False
    is_debugged: bool = False


def load_sources(sources: Sequence[DeclaredSource], settings: SyncSettings) -> SyncReport:
    """Load *sources*, and show how far it has come."""
    started, run_id = time.monotonic(), new_run_id()
    planned, failures = _plan(sources, settings)
    prepared, more = prepare_sources(
        planned,
        settings.purpose,
        settings.places,
        run_id,
        settings.redaction,
        settings.store,
    )
    with _display(prepared, settings) as display:
        result = run_sync(
            prepared,
            settings.workers or default_workers(),
            display,
            is_debugged=settings.is_debugged,
        )
    return SyncReport(
        run_id,
        tuple(prepared),
        {**failures, **more},
        result,
        seconds=time.monotonic() - started,
        is_quiet=settings.is_quiet,
        is_debugged=settings.is_debugged,
    )


def show_sources(sources: Sequence[DeclaredSource], settings: SyncSettings) -> DryRun:
    """Find out what a sync of *sources* would load."""
    planned, failures = _plan(sources, settings)
    return DryRun(tuple(planned), failures, settings.purpose, settings.places)


def _plan(
    sources: Sequence[DeclaredSource], settings: SyncSettings
) -> tuple[list[PlannedSync], Failures]:
    if not sources:
        typer.echo("No source is enabled; nothing is loaded.", err=True)
    planned, failures = plan_sources(sources, settings.places, settings.redaction)
    asked = settings.purpose.select
    unknown = [(pattern, error) for pattern in asked if (error := _unknown(planned, pattern))]
    if unknown and not failures:
        raise typer.BadParameter(str(unknown[0][1]))
    for pattern, _ in unknown:
        # a source that failed may have it, and says below why it failed
        typer.echo(f"Warning: no source that can be planned has {pattern!r} to select", err=True)
    known = [pattern for pattern in asked if pattern not in dict(unknown)]
    return ([] if asked and not known else select_tasks(planned, known)), failures


def _unknown(planned: Sequence[PlannedSync], pattern: str) -> ResourceNotFoundError | None:
    try:
        select_tasks(planned, [pattern])
    except ResourceNotFoundError as error:
        return error
    return None


def _display(
    prepared: Sequence[PreparedSource], settings: SyncSettings
) -> contextlib.AbstractContextManager[Lines | LiveTable]:
    several = len(prepared) > 1
    tables = {
        task_id(item.planned.source.name, task.key): tuple(
            f"{item.planned.source.name}.{resource.table_name}" if several else resource.table_name
            for resource in task.resources
        )
        for item in prepared
        for task in item.planned.tasks
    }
    if sys.stderr.isatty() and not settings.is_quiet:
        return LiveTable(tables)
    return contextlib.nullcontext(Lines(tables, is_quiet=settings.is_quiet))
