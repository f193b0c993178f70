"""One planned task from its source to the destination, step by step."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from dlt.common.runtime.collector_base import Collector

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import LoadError
from airflow_dlt_provider.core.loading import extraction as kept
from airflow_dlt_provider.core.loading.extract import extract_task
from airflow_dlt_provider.core.loading.extraction import Extraction
from airflow_dlt_provider.core.loading.failure import left_out_error, raise_load_error
from airflow_dlt_provider.core.loading.file_formats import normalize_packages
from airflow_dlt_provider.core.loading.ledger import Ledger
from airflow_dlt_provider.core.loading.left_out import ResourceFailedError
from airflow_dlt_provider.core.loading.lock import Waiting, load_lock
from airflow_dlt_provider.core.loading.opened import (
    OpenedPipeline,
    client_without_folder,
    former_pipeline_kept,
    open_pipeline,
)
from airflow_dlt_provider.core.loading.packages import PackageLoad, is_next
from airflow_dlt_provider.core.loading.recovery import settle_unfinished
from airflow_dlt_provider.core.loading.restore import Restored, restore_state
from airflow_dlt_provider.core.loading.result import LoadResult
from airflow_dlt_provider.core.loading.stopwatch import Stopwatch
from airflow_dlt_provider.core.loading.working_folder import (
    claim_folder,
    emptied,
    give_up_folder,
    working_folder,
)
from airflow_dlt_provider.core.loading.written import with_written_tables
from airflow_dlt_provider.core.planning.source_import import user_code
from airflow_dlt_provider.core.run_context import loading_context
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.records import ResourceState
from airflow_dlt_provider.core.state.store import StateStore

MAX_FAILED_ROUNDS = 3
"""How many resources of a task may fail, one after another, before it is taken for an outage: each
costs that the others are extracted once more."""

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
    except LoadError:
        raise
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
        self._failures: dict[str, BaseException] = {}
        self._failed_rounds = 0

    def run(self) -> LoadResult:
        """Load, and return what was loaded.

        Raises:
            LoadError: Some of the resources failed while they were extracted, and are left out.
        """
        result = self._run()
        if self._failures:
            loaded = [load.resource_name for load in result.resources]
            first = next(iter(self._failures.values()))
            raise left_out_error(self._failures, self._pipeline_name, loaded) from first
        return result

    def _run(self) -> LoadResult:
        with self._alone_in_folder():
            # a store that is down fails the task here, before anything is extracted
            with self._stopwatch.measure("restore"):
                states = self._settled(self._ledger.read())
                loaded = self._ledger.loaded_before(states)
                if loaded is not None and not self._select_missing(loaded, states):
                    return with_written_tables(loaded, self._opened)
                extraction = self._resumed(states)
            if extraction is None:
                extraction = self._extract_without_failed(states)
            if not self._request.resources:
                # a task for a whole source knows its resources only now
                states |= self._ledger.read(item.name for item in extraction.loaded)
            packages = PackageLoad(self._request, self._opened, self._ledger, self._stopwatch)
            result = packages.load(self._normalize(extraction), states, is_alone=self._is_alone)
            if loaded is None:
                return result
            return with_written_tables(loaded, self._opened).joined(result)

    def _select_missing(self, loaded: LoadResult, states: Mapping[str, ResourceState]) -> bool:
        """Select what earlier tries did not load, and tell whether there is any."""
        done = {load.resource_name for load in loaded.resources}
        wanted = self._request.selected or self._request.resources or states
        missing = [name for name in wanted if name not in done]
        log.info(
            "Earlier tries loaded %s; %s",
            ", ".join(sorted(done)),
            f"this one loads {', '.join(missing)}" if missing else "nothing is loaded again",
        )
        self._request = replace(self._request, selected=tuple(missing))
        return bool(missing)

    @contextmanager
    def _alone_in_folder(self) -> Iterator[None]:
        """Open the pipeline in the task's folder, and keep other loads of it out."""
        request, name = self._request, self._pipeline_name
        with ExitStack() as claimed:
            token = claim_folder(request)
            if token:
                claimed.callback(give_up_folder, token)
                self._opened = self._open()
                client = self._opened.client_for_lock()
            else:
                # until its lock has been taken, an earlier try may be at work in the folder
                client = client_without_folder(request, name)
            with load_lock(client, name, self._waiting) as self._is_alone:
                claimed.pop_all()
                is_first = token is not None and token.exists()
                with working_folder(request, is_new=is_first):
                    if not is_first:
                        self._opened = self._open()
                    yield

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
        if is_there and not extraction.left_out and is_next(self._opened, extraction, states):
            log.info("Going on with what an earlier try extracted: nothing is extracted again")
            if extraction.rows_by_table is not None and is_kept:
                kept.put_back_packages(self._opened.pipeline)
            return extraction
        emptied(self._request.working_dir)
        self._opened = self._open()
        return None

    def _extract_without_failed(self, states: Mapping[str, ResourceState]) -> Extraction:
        """Extract what can be: where a resource fails, the others, from the beginning."""
        extraction = self._extract_or_leave_out(states)
        while extraction is None:
            log.warning("%s: extracted once more", ", ".join(self._request.selected))
            emptied(self._request.working_dir)
            self._opened = self._open()
            extraction = self._extract_or_leave_out(states)
        return extraction

    def _extract_or_leave_out(self, states: Mapping[str, ResourceState]) -> Extraction | None:
        """Extract; `None` where a resource failed, and is not selected any more.

        Raises:
            LoadError: Nothing is left, or as many failed as do when it is no fault of theirs.
        """
        try:
            return self._extract(states)
        except ResourceFailedError as failure:
            if not failure.others and not self._failures:
                raise failure.error from failure.error.exception
            log.warning(
                "Resource %s failed, and is left out: %s", ", ".join(failure.failed), failure.error
            )
            self._failures |= dict.fromkeys(failure.failed, failure.error.exception)
            self._failed_rounds += 1
            if not failure.others or self._failed_rounds > MAX_FAILED_ROUNDS:
                raise left_out_error(self._failures, self._pipeline_name) from failure.error
            self._request = replace(self._request, selected=failure.others)
            return None

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
        extraction = replace(extraction, left_out=list(self._failures))
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
