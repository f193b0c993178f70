"""The dataset that a person's command works in, opened as a task opens it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dlt
from dlt.common.destination.client import JobClientBase
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.destination import resolve_destination
from airflow_dlt_provider.core.loading.lock import Waiting, WriterLock, single_writer_path
from airflow_dlt_provider.core.loading.opened import former_pipeline_kept
from airflow_dlt_provider.core.loading.rows import stored_rows
from airflow_dlt_provider.core.loading.rows.contract import StoredRows
from airflow_dlt_provider.core.run_context import loading_context
from airflow_dlt_provider.core.spec import DestinationSpec


@dataclass(frozen=True)
class Place:
    """Where a pipeline loads to."""

    pipeline_name: str
    """The base name."""
    base_dir: Path
    """The folder of the Dag file; `.dlt/` is looked for there."""
    data_dir: Path
    """Where the default DuckDB file lies."""
    destination: DestinationSpec = field(default_factory=DestinationSpec)
    secrets_toml: str | None = None
    """Text in the format of dlt's `secrets.toml`, looked up after the user's own files."""
    asked_by: str = "a person"
    """Shown to loads that wait meanwhile."""
    lock_timeout_seconds: float = 3600.0
    """The longest wait for a load to end."""


@dataclass(frozen=True)
class OpenPlace:
    """A dataset, and the pipeline of the base name in it. Nothing was restored yet."""

    pipeline: Pipeline
    client: JobClientBase
    rows: StoredRows
    waiting: Waiting
    writer_lock: WriterLock


@contextmanager
def opened(place: Place) -> Iterator[OpenPlace]:
    """Open the dataset of *place*, in a working folder that is gone afterwards.

    Raises:
        StateError: dlt keeps no state there that could be read.
    """
    with (
        former_pipeline_kept(),
        loading_context(
            place.base_dir,
            place.data_dir,
            place.pipeline_name,
            place.pipeline_name,
            place.secrets_toml,
        ),
        tempfile.TemporaryDirectory(prefix="airflow_dlt_") as folder,
    ):
        pipeline = dlt.pipeline(
            place.pipeline_name,
            pipelines_dir=folder,
            destination=resolve_destination(place.destination.destination),
            staging=place.destination.staging,
            dataset_name=place.destination.dataset_name or place.pipeline_name,
        )
        client = pipeline.destination_client()
        path = single_writer_path(client)
        if path is not None and not path.exists():
            # opening it would make it
            raise StateError(
                f"there is no database {path}; name the one that the pipeline loads to, and the "
                "folder of the default one with --data-dir"
            )
        waiting = Waiting(place.asked_by, place.lock_timeout_seconds)
        writer_lock = WriterLock(path, waiting)
        rows = stored_rows(client, writer_lock)
        if rows is None:
            raise StateError(
                f"the destination {pipeline.destination.destination_name!r} keeps no state of "
                "dlt's that can be read; SQL destinations and filesystem do"
            )
        yield OpenPlace(pipeline, client, rows, waiting, writer_lock)
