"""From the names that a person gives to sources that are ready to be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from airflow_dlt_provider.cli.redaction import Redaction
from airflow_dlt_provider.cli.surroundings import surroundings
from airflow_dlt_provider.core.errors import DltProviderError
from airflow_dlt_provider.core.problem import describe_import_problem
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.worker_values import read_worker_values
from airflow_dlt_provider.core.sync.plan import PlannedSync, plan_sync
from airflow_dlt_provider.core.sync.purpose import SyncPlaces, SyncPurpose
from airflow_dlt_provider.core.sync.requests import build_requests
from airflow_dlt_provider.core.sync.sync import PreparedSource

Failures = dict[str, str]
"""Name of a source -> why it cannot be loaded at all."""


def places_of(project_dir: Path, data_dir: Path | None, working_dir: Path) -> SyncPlaces:
    """Return where the sources of a project are loaded to, and from what."""
    around = surroundings()
    return SyncPlaces(
        data_dir=(data_dir or around.data_dir(project_dir)).resolve(),
        manifest_dir=around.manifest_dir(project_dir),
        working_dir=working_dir,
        look_ups=around.look_ups(),
    )


def plan_sources(
    sources: Sequence[DeclaredSource], places: SyncPlaces, redaction: Redaction
) -> tuple[list[PlannedSync], Failures]:
    """Plan every source; one that fails stops none of the others.

    Its secrets are hidden from here on, since its function runs here.
    """
    planned: list[PlannedSync] = []
    failures: Failures = {}
    for source in sources:
        try:
            values = read_worker_values(source.source_spec(), redaction.mask, places.look_ups)
            values.mask_known(source.destination_spec())
            planned.append(plan_sync(source, places))
        except KeyboardInterrupt:
            raise
        except (Exception, SystemExit) as error:
            failures[source.name] = describe_import_problem(error)
            continue
        for warning in planned[-1].warnings:
            typer.echo(f"Warning: {source.name}: {warning}", err=True)
    return planned, failures


def prepare_sources(
    planned: Sequence[PlannedSync],
    purpose: SyncPurpose,
    places: SyncPlaces,
    run_id: str,
    redaction: Redaction,
    store: str | None,
) -> tuple[list[PreparedSource], Failures]:
    """Resolve the values of every source, and find its state store.

    Args:
        planned: The sources.
        purpose: What is asked of the sync.
        places: Where it works.
        run_id: Names the sync.
        redaction: Hides what is secret.
        store: What a person named as the state store.
    """
    prepared: list[PreparedSource] = []
    failures: Failures = {}
    for item in planned:
        project_dir = item.source.registration.project_dir
        try:
            open_store = surroundings().store_of(store, item.source, project_dir)
            # a store that cannot be reached is told before anything is extracted
            open_store().close()
            requests = build_requests(item, purpose, places, run_id, redaction.mask)
        except DltProviderError as error:
            failures[item.source.name] = str(error)
        else:
            prepared.append(PreparedSource(item, requests, open_store))
    return prepared, failures
