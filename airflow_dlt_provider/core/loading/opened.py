"""A task's dlt pipeline, and all that is known of its destination before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import dlt
from dlt.common.configuration.container import Container
from dlt.common.destination.client import JobClientBase, WithStateSync
from dlt.common.pipeline import PipelineContext
from dlt.common.runtime.collector_base import Collector
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.loading.destination import resolve_destination
from airflow_dlt_provider.core.loading.lock import Waiting, WriterLock, single_writer_path
from airflow_dlt_provider.core.loading.progress import ProgressLog
from airflow_dlt_provider.core.loading.rows import stored_rows
from airflow_dlt_provider.core.loading.rows.contract import StoredRows
from airflow_dlt_provider.core.spec import LoadRequest


@dataclass(frozen=True)
class OpenedPipeline:
    """A pipeline in its working folder."""

    pipeline: Pipeline
    client: JobClientBase
    """dlt's client of the dataset, with the schema that the pipeline had when it was opened."""
    writer_lock: WriterLock
    rows: StoredRows | None
    """The destination's rows; `None` where they cannot be found by their load."""
    keeps_state: bool
    """Whether the destination can hold a state at all."""
    has_rivals: bool
    """Whether other tasks may write to the destination at the same moment."""

    def client_for_lock(self) -> JobClientBase:
        """Return a client whose connection may be held, and lost, while the source is asked."""
        return self.pipeline.destination_client() if self.has_rivals else self.client


def open_pipeline(
    request: LoadRequest,
    pipeline_name: str,
    waiting: Waiting,
    progress: Collector | None = None,
) -> OpenedPipeline:
    """Open the pipeline of a task in its working folder, with what is in there."""
    pipeline = _create_pipeline(request, pipeline_name, request.working_dir, progress)
    client = pipeline.destination_client()
    path = single_writer_path(client)
    writer_lock = WriterLock(path, waiting)
    return OpenedPipeline(
        pipeline,
        client,
        writer_lock,
        rows=stored_rows(client, writer_lock),
        keeps_state=isinstance(client, WithStateSync),
        has_rivals=path is None,
    )


def client_without_folder(request: LoadRequest, pipeline_name: str) -> JobClientBase:
    """Return a client of the destination without touching the working folder."""
    with TemporaryDirectory() as folder:
        return _create_pipeline(request, pipeline_name, Path(folder)).destination_client()


@contextmanager
def former_pipeline_kept() -> Iterator[None]:
    """Put back the pipeline that was active in this process before."""
    context = Container()[PipelineContext]
    former = context.pipeline() if context.is_active() else None
    try:
        yield
    finally:
        if isinstance(former, Pipeline):
            former.activate()
        else:
            context.deactivate()


def _create_pipeline(
    request: LoadRequest, pipeline_name: str, folder: Path, progress: Collector | None = None
) -> Pipeline:
    destination = request.destination
    return dlt.pipeline(
        pipeline_name,
        pipelines_dir=str(folder),
        destination=resolve_destination(destination.destination),
        staging=destination.staging,
        dataset_name=destination.dataset_name or request.pipeline_name,
        progress=progress or ProgressLog(),
    )
