"""One planned task from its source to the destination, step by step."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dlt
from dlt.common.configuration.container import Container
from dlt.common.destination.client import WithStateSync
from dlt.common.pipeline import ExtractInfo, LoadInfo, NormalizeInfo, PipelineContext
from dlt.extract import DltSource
from dlt.pipeline.pipeline import Pipeline
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.loading.destination import resolve_destination
from airflow_dlt_provider.core.loading.failure import is_schema_race, raise_load_error
from airflow_dlt_provider.core.loading.lock import single_writer_path, writer_lock
from airflow_dlt_provider.core.loading.outcome import LoadedResource, describe_load, read_cursors
from airflow_dlt_provider.core.loading.progress import ProgressLog
from airflow_dlt_provider.core.loading.result import LoadResult
from airflow_dlt_provider.core.loading.source_state import source_level_state
from airflow_dlt_provider.core.planning.selection import candidates, pick, select
from airflow_dlt_provider.core.planning.source_import import (
    build_sources,
    forgotten_user_modules,
    module_search_path,
)
from airflow_dlt_provider.core.run_context import loading_context
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.store import StateStore

MAX_LOAD_ATTEMPTS = 8

log = logging.getLogger(__name__)


@dataclass
class Stopwatch:
    """Seconds by step."""

    seconds_by_step: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, step: str) -> Iterator[None]:
        """Add the time of the block to *step*."""
        start = time.monotonic()
        try:
            yield
        finally:
            spent = self.seconds_by_step.get(step, 0.0) + time.monotonic() - start
            self.seconds_by_step[step] = round(spent, 3)


def load_task(request: LoadRequest, store: StateStore) -> LoadResult:
    """Load the resources of one task and record what was done.

    The pipeline works in a folder of this task's own and takes its cursor from the destination,
    so any worker can do it. What an earlier try left in the folder is removed.

    Args:
        request: What to load and where to.
        store: Where the outcome is recorded.

    Raises:
        TerminalLoadError: Trying again will not help.
        TransientLoadError: Trying again may help.
    """
    pipeline_name = names.task_pipeline_name(request.pipeline_name, request.task_key)
    # rows lie here for a while, for nobody else to read
    request.working_dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(request.working_dir, ignore_errors=True)
    request.working_dir.mkdir(mode=0o700)
    try:
        with (
            _former_pipeline_kept(),
            forgotten_user_modules(request.source.base_dir),
            module_search_path(request.source.base_dir),
            loading_context(
                request.source.base_dir,
                request.data_dir,
                request.pipeline_name,
                pipeline_name,
                request.secrets_toml,
            ),
        ):
            result = _load(request, pipeline_name)
    except Exception as error:
        raise_load_error(error, pipeline_name)
    finally:
        shutil.rmtree(request.working_dir, ignore_errors=True)
    _record(result, request, store)
    return result


def _record(result: LoadResult, request: LoadRequest, store: StateStore) -> None:
    try:
        for record in result.records(request.pipeline_name, request.run):
            store.record_load(record)
    except Exception:
        # the rows are in the destination: failing now would make Airflow load them again
        log.warning("The load is done, but could not be recorded in the state store", exc_info=True)


def _load(request: LoadRequest, pipeline_name: str) -> LoadResult:
    stopwatch = Stopwatch()
    pipeline = _create_pipeline(request, pipeline_name)
    client = pipeline.destination_client()
    lock_path = single_writer_path(client)
    if not isinstance(client, WithStateSync):
        log.warning(
            "The destination %s keeps no state of dlt's, so that every run loads everything; "
            "incremental resources need a destination that does",
            pipeline.destination.destination_name,
        )
    with stopwatch.measure("restore"), writer_lock(lock_path):
        pipeline.sync_destination()
    with stopwatch.measure("extract"):
        with source_level_state(pipeline, request.task_key):
            loaded = _build_loaded(request)
        before = read_cursors(pipeline, loaded)
        extract_info = _extract(pipeline, [item.source for item in loaded], request)
    with stopwatch.measure("normalize"):
        normalize_info: NormalizeInfo | None = pipeline.normalize()
    with stopwatch.measure("load"), writer_lock(lock_path):
        # who holds the lock has no rival
        load_info = _load_packages(pipeline, attempts=1 if lock_path else MAX_LOAD_ATTEMPTS)
    return describe_load(
        pipeline,
        loaded,
        cursors_before=before,
        rows_by_table=normalize_info.row_counts if normalize_info else {},
        load_ids=_load_ids(extract_info, load_info),
        seconds_by_step=stopwatch.seconds_by_step,
    )


@contextmanager
def _former_pipeline_kept() -> Iterator[None]:
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


def _create_pipeline(request: LoadRequest, pipeline_name: str) -> Pipeline:
    destination = request.destination
    return dlt.pipeline(
        pipeline_name,
        pipelines_dir=str(request.working_dir),
        destination=resolve_destination(destination.destination),
        staging=destination.staging,
        dataset_name=destination.dataset_name or request.pipeline_name,
        progress=ProgressLog(),
    )


def _build_loaded(request: LoadRequest) -> list[LoadedResource]:
    """Build the source afresh, and select and name what this task loads."""
    sources = build_sources(request.source)
    available = candidates(sources)
    _warn_of_new_resources(request, [candidate.name for candidate in available])
    chosen = (
        pick(available, request.resources) if request.resources else select(available, None, ())
    )
    loaded = []
    for source in sources:
        items = [item for item in chosen if item.source is source]
        if items:
            own = source.with_resources(*(item.short_name for item in items)).clone(
                with_name=names.schema_name(source.name, request.task_key)
            )
            loaded += [
                LoadedResource(item.name, own.resources[item.short_name], own) for item in items
            ]
    return loaded


def _warn_of_new_resources(request: LoadRequest, available: list[str]) -> None:
    new = [name for name in available if name not in request.known_resources]
    if request.known_resources and new:
        log.warning(
            "The source has new resources that no task loads: %s; they get a task when it is "
            "planned again, at the latest after [dlt] manifest_ttl",
            ", ".join(new),
        )


def _extract(pipeline: Pipeline, sources: list[DltSource], request: LoadRequest) -> ExtractInfo:
    return pipeline.extract(
        list({id(source): source for source in sources}.values()),
        loader_file_format=request.destination.loader_file_format,
        schema_contract=request.destination.schema_contract,
    )


def _load_packages(pipeline: Pipeline, attempts: int) -> LoadInfo | None:
    """Load what was normalized, again if another task changed the same tables meanwhile."""
    retrying = Retrying(
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        retry=retry_if_exception(is_schema_race),
        reraise=True,
    )
    info: LoadInfo | None = retrying(pipeline.load)
    return info


def _load_ids(extract_info: ExtractInfo, load_info: LoadInfo | None) -> tuple[str, ...]:
    finished = set(load_info.loads_ids) if load_info else set()
    return tuple(load_id for load_id in extract_info.loads_ids if load_id in finished)
