"""One planned task from its source to the destination, step by step."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dlt.common.pipeline import LoadInfo
from dlt.common.runtime.collector_base import Collector
from dlt.pipeline.pipeline import Pipeline
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import ConcurrentLoadError, EmptyRefreshError
from airflow_dlt_provider.core.loading import extraction as kept
from airflow_dlt_provider.core.loading.anomalies import with_warnings
from airflow_dlt_provider.core.loading.extract import extract_task
from airflow_dlt_provider.core.loading.extraction import Extraction
from airflow_dlt_provider.core.loading.failure import is_schema_race, raise_load_error
from airflow_dlt_provider.core.loading.file_formats import normalize_packages
from airflow_dlt_provider.core.loading.ledger import Ledger
from airflow_dlt_provider.core.loading.lock import Waiting, load_lock
from airflow_dlt_provider.core.loading.opened import (
    OpenedPipeline,
    client_for_lock,
    former_pipeline_kept,
    open_pipeline,
)
from airflow_dlt_provider.core.loading.outcome import describe_load, schema_changes, tables_of
from airflow_dlt_provider.core.loading.recovery import settle_unfinished
from airflow_dlt_provider.core.loading.refresh import refuse_empty
from airflow_dlt_provider.core.loading.restore import Restored, restore_state
from airflow_dlt_provider.core.loading.result import LoadResult
from airflow_dlt_provider.core.loading.stopwatch import Stopwatch
from airflow_dlt_provider.core.loading.superseded import remove_superseded, superseded_rows
from airflow_dlt_provider.core.loading.working_folder import emptied, working_folder
from airflow_dlt_provider.core.loading.written import with_written_tables
from airflow_dlt_provider.core.planning.source_import import user_code
from airflow_dlt_provider.core.run_context import loading_context
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.records import LoadRecord, ResourceState
from airflow_dlt_provider.core.state.source_merge import TaskChanges
from airflow_dlt_provider.core.state.store import StateStore

MAX_LOAD_ATTEMPTS = 8

log = logging.getLogger(__name__)


def load_task(
    request: LoadRequest, store: StateStore, progress: Collector | None = None
) -> LoadResult:
    """Load the resources of one task and record what was done.

    Any worker can do it: the task takes its cursor from the destination. What an earlier try
    began is gone on with where its folder is still there, else taken out and done again.

    Args:
        request: What to load and where to.
        store: The ledger, and what a person asked for.
        progress: Counts rows while they come; default: a line in the log now and then.

    Raises:
        TerminalLoadError: Trying again will not help.
        TransientLoadError: Trying again may help.
    """
    pipeline_name = names.task_pipeline_name(request.pipeline_name, request.task_key)
    try:
        with (
            former_pipeline_kept(),
            user_code(request.source),
            loading_context(
                request.source.base_dir,
                request.data_dir,
                request.pipeline_name,
                pipeline_name,
                request.secrets_toml,
                request.source.registration,
            ),
        ):
            return TaskLoad(request, pipeline_name, store, progress).run()
    except Exception as error:
        raise_load_error(error, pipeline_name)


class TaskLoad:
    """The load of one task: its steps, in the order in which `run` takes them.

    Args:
        request: What to load and where to.
        pipeline_name: The task's own dlt pipeline.
        store: The ledger, and what a person asked for.
        progress: As in `load_task`.
    """

    def __init__(
        self,
        request: LoadRequest,
        pipeline_name: str,
        store: StateStore,
        progress: Collector | None = None,
    ) -> None:
        self._progress = progress
        self._request = request
        self._store = store
        self._ledger = Ledger(request, pipeline_name, store)
        self._stopwatch = Stopwatch()
        self._waiting = Waiting(request.run.described(), request.lock_timeout_seconds)
        self._pipeline_name = pipeline_name

    def run(self) -> LoadResult:
        """Load, and return what was loaded."""
        client = client_for_lock(self._request, self._pipeline_name)
        with (
            load_lock(client, self._pipeline_name, self._waiting) as self._is_alone,
            # an earlier try that still runs works in this folder, too
            working_folder(self._request),
        ):
            self._opened = self._open()
            # a store that is down fails the task here, before anything is extracted
            with self._stopwatch.measure("restore"):
                states = self._settled(self._ledger.read())
                if (result := self._ledger.result_of_series(states)) is not None:
                    return with_written_tables(result, self._opened.pipeline)
                extraction = self._resumed(states)
            if extraction is None:
                extraction = self._extract(states)
            if not self._request.resources:
                # a task for a whole source knows its resources only now
                states |= self._ledger.read(item.name for item in extraction.loaded)
            return self._load(self._normalize(extraction), states)

    def _open(self) -> OpenedPipeline:
        return open_pipeline(self._request, self._pipeline_name, self._waiting, self._progress)

    def _settled(self, states: dict[str, ResourceState]) -> dict[str, ResourceState]:
        """Find out how unfinished loads ended, and take out what they left."""
        if self._opened.rows is not None:
            return settle_unfinished(self._request, self._opened.rows, states, self._store)
        if not self._opened.keeps_state:
            log.warning(
                "The destination %s keeps no state of dlt's; cursors come from the state store, "
                "and rows of a load that was cut off cannot be removed",
                self._opened.pipeline.destination.destination_name,
            )
        return states

    def _resumed(self, states: Mapping[str, ResourceState]) -> Extraction | None:
        """Return what an earlier try extracted, if it can be gone on with."""
        extraction = kept.read_extraction(self._request.working_dir)
        if extraction is None:
            return None
        is_kept = self._opened.rows is not None
        is_there = kept.is_complete(extraction, self._opened.pipeline, is_kept=is_kept)
        if is_there and self._is_next(extraction, states):
            log.info("Going on with what an earlier try extracted: nothing is extracted again")
            if extraction.rows_by_table is not None and is_kept:
                kept.put_back_packages(self._opened.pipeline)
            return extraction
        emptied(self._request.working_dir)
        self._opened = self._open()
        return None

    def _is_next(self, extraction: Extraction, states: Mapping[str, ResourceState]) -> bool:
        """Tell whether nothing was loaded since *extraction* was made."""
        if self._opened.rows is None:
            unfinished = {item.unfinished.load_ids for item in states.values() if item.unfinished}
            return extraction.load_ids in unfinished
        if self._opened.rows.finished_loads(extraction.load_ids):
            return False
        known = {load_id for state in states.values() for load_id in state.load_ids}
        newest = self._opened.rows.newest_state(self._pipeline_name, known)
        return extraction.base_version == (int(newest["_state_version"]) if newest else None)

    def _extract(self, states: Mapping[str, ResourceState]) -> Extraction:
        pipeline, rows = self._opened.pipeline, self._opened.rows
        with self._stopwatch.measure("restore"), self._opened.writer_lock():
            version = restore_state(pipeline, rows, states)
        with self._stopwatch.measure("extract"):
            extraction = extract_task(
                self._request,
                Restored(
                    pipeline, self._request.pipeline_name, version, rows, self._opened.keeps_state
                ),
                self._store,
                states,
            )
        extraction.write(self._request.working_dir)
        return extraction

    def _normalize(self, extraction: Extraction) -> Extraction:
        if extraction.rows_by_table is not None:
            return extraction
        with self._stopwatch.measure("normalize"):
            info = normalize_packages(self._opened.pipeline)
            if self._opened.rows is not None:
                kept.keep_packages(self._opened.pipeline)
            normalized = replace(
                extraction,
                # dlt drops packages that hold nothing
                load_ids=tuple(self._opened.pipeline.list_normalized_load_packages()),
                rows_by_table=dict(info.row_counts) if info else {},
            )
            normalized.write(self._request.working_dir)
        return normalized

    def _load(self, extraction: Extraction, states: Mapping[str, ResourceState]) -> LoadResult:
        """Load the packages; the ledger knows of it before the first row is there."""
        result = describe_load(
            self._opened.pipeline,
            extraction.loaded,
            states_before=extraction.states_before,
            rows_by_table=extraction.rows_by_table or {},
            load_ids=extraction.load_ids,
            seconds_by_step=self._stopwatch.seconds_by_step,
        )
        result = extraction.with_purpose(result)
        self._refuse_empty(extraction, result)
        records = self._ledger.begin(
            result,
            extraction,
            states,
            superseded_rows(self._opened, extraction, result),
            {item.name: tables_of(self._opened.pipeline, item) for item in extraction.loaded},
        )
        with self._stopwatch.measure("load"):
            self._take_back(extraction)
            with self._opened.writer_lock():
                self._check_alone(extraction, states)
                # who holds the lock of a file has no rival
                attempts = MAX_LOAD_ATTEMPTS if self._opened.has_rivals else 1
                info = _load_packages(self._opened.pipeline, attempts)
            self._check_not_settled(extraction, records)
            for record in records:
                remove_superseded(self._opened.rows, record)
            self._remove_orphans(extraction)
        loads = [
            replace(load, schema_changes=schema_changes(self._opened.pipeline, item, info))
            for load, item in zip(result.resources, extraction.loaded, strict=True)
        ]
        result = replace(
            result,
            resources=with_warnings(loads, records, states),
            changes=TaskChanges(
                extraction.extraction_id, extraction.source_changes, extraction.source_seeds
            )
            if extraction.source_changes
            else None,
        )
        self._ledger.finish(records, result, states, keeps_state=self._opened.keeps_state)
        return with_written_tables(result, self._opened.pipeline, extraction.loaded)

    def _refuse_empty(self, extraction: Extraction, result: LoadResult) -> None:
        """Stop a load that only takes rows away; another try asks the source once more."""
        try:
            refuse_empty(extraction.guarded, result.resources)
        except EmptyRefreshError:
            emptied(self._request.working_dir)
            raise

    def _remove_orphans(self, extraction: Extraction) -> None:
        """Remove nested rows that were left by a task that loaded a replaced table before."""
        for item in extraction.loaded:
            if item.name in extraction.taken_over and self._opened.rows is not None:
                self._opened.rows.remove_nested_orphans(item.table_name)

    def _take_back(self, extraction: Extraction) -> None:
        """Remove the rows of loads that a person had taken back."""
        for item in extraction.loaded:
            request = extraction.request_of(item.name)
            if not request or not request.taken_back or self._opened.rows is None:
                continue
            self._ledger.mark_removed(item.name, request.taken_back)
            load_ids = {load_id for load in request.taken_back for load_id in load.load_ids}
            schema_names = {name for load in request.taken_back for name in load.schema_names}
            self._opened.rows.remove_appended(
                schema_names, item.short_name, load_ids, appends=item.appends
            )

    def _check_not_settled(self, extraction: Extraction, records: Sequence[LoadRecord]) -> None:
        """Take this load out where another took it for one that was cut off, and removed rows."""
        rows = self._opened.rows
        if self._is_alone or rows is None or not extraction.load_ids:
            return
        if not self._ledger.is_still_open(records):
            rows.remove_unfinished(
                records[0].schema_names, extraction.load_ids, lambda _table: False
            )
            raise ConcurrentLoadError(self._pipeline_name)

    def _check_alone(self, extraction: Extraction, states: Mapping[str, ResourceState]) -> None:
        """Stop where no lock held for certain, and another load came first."""
        if not self._is_alone and self._opened.rows and not self._is_next(extraction, states):
            raise ConcurrentLoadError(self._pipeline_name)


def _load_packages(pipeline: Pipeline, attempts: int) -> Sequence[LoadInfo]:
    """Load what was normalized, again if another task changed the same tables meanwhile."""
    retrying = Retrying(
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        retry=retry_if_exception(is_schema_race),
        reraise=True,
    )
    info: LoadInfo | None = retrying(pipeline.load)
    return [info] if info else []
