"""The packages of one task, from the disk of the worker into the destination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from dlt.common.pipeline import LoadInfo
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from airflow_dlt_provider.core.errors import ConcurrentLoadError, EmptyRefreshError
from airflow_dlt_provider.core.loading.anomalies import with_warnings
from airflow_dlt_provider.core.loading.extraction import Extraction
from airflow_dlt_provider.core.loading.failure import is_schema_race
from airflow_dlt_provider.core.loading.ledger import Ledger
from airflow_dlt_provider.core.loading.opened import OpenedPipeline
from airflow_dlt_provider.core.loading.outcome import (
    LoadedResource,
    describe_load,
    schema_changes,
    tables_of,
)
from airflow_dlt_provider.core.loading.refresh import refuse_empty
from airflow_dlt_provider.core.loading.result import LoadResult
from airflow_dlt_provider.core.loading.stopwatch import Stopwatch
from airflow_dlt_provider.core.loading.superseded import remove_superseded, superseded_rows
from airflow_dlt_provider.core.loading.working_folder import emptied
from airflow_dlt_provider.core.loading.written import with_written_tables
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.records import LoadRecord, ResourceState, TakenBack
from airflow_dlt_provider.core.state.source_merge import TaskChanges

MAX_LOAD_ATTEMPTS = 8


class PackageLoad:
    """Loads what was normalized, and lets the ledger know before and after.

    Args:
        request: What to load and where to.
        opened: The task's pipeline, with the packages in its folder.
        ledger: What the state store knows of the task.
        stopwatch: Measures the step `load`.
    """

    def __init__(
        self, request: LoadRequest, opened: OpenedPipeline, ledger: Ledger, stopwatch: Stopwatch
    ) -> None:
        self._request = request
        self._opened = opened
        self._ledger = ledger
        self._stopwatch = stopwatch

    def load(
        self, extraction: Extraction, states: Mapping[str, ResourceState], *, is_alone: bool
    ) -> LoadResult:
        """Load the packages; the ledger knows of it before the first row is there.

        Args:
            extraction: What was extracted and normalized.
            states: What the store knows of the resources.
            is_alone: Whether no other load of the pipeline can be at work.

        Raises:
            EmptyRefreshError: The load would only take rows away.
            ConcurrentLoadError: Another load of the pipeline came first.
        """
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
            info = self._load_packages(extraction, states, is_alone=is_alone)
            if not is_alone:
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
            changes=self._changes(extraction, states),
        )
        self._ledger.finish(records, result, states, keeps_state=self._opened.keeps_state)
        return with_written_tables(result, self._opened, extraction.loaded)

    def _changes(
        self, extraction: Extraction, states: Mapping[str, ResourceState]
    ) -> TaskChanges | None:
        """Return what the task changed in source-level state since that was merged last."""
        if not extraction.source_changes:
            return None
        own = [
            state.changes_id
            for state in states.values()
            if state.changes_id and state.task_pipeline == self._opened.pipeline.pipeline_name
        ]
        return TaskChanges(
            extraction.extraction_id,
            extraction.source_changes,
            extraction.source_seeds,
            contained=tuple(dict.fromkeys(own)),
        )

    def _load_packages(
        self, extraction: Extraction, states: Mapping[str, ResourceState], *, is_alone: bool
    ) -> Sequence[LoadInfo]:
        """Load what was normalized, again if another task changed the same tables meanwhile."""
        if not extraction.load_ids:
            return []
        with self._opened.writer_lock():
            if not is_alone:
                self._check_alone(extraction, states)
            retrying = Retrying(
                # who holds the lock of a file has no rival
                stop=stop_after_attempt(MAX_LOAD_ATTEMPTS if self._opened.has_rivals else 1),
                wait=wait_random_exponential(multiplier=0.2, max=5),
                retry=retry_if_exception(is_schema_race),
                reraise=True,
            )
            info: LoadInfo | None = retrying(self._opened.pipeline.load)
        return [info] if info else []

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
            loads_by_schemas: dict[frozenset[str], set[str]] = {}
            for load in request.taken_back:
                schema_names = _own_schemas(item, extraction.loaded, load)
                loads_by_schemas.setdefault(schema_names, set()).update(load.load_ids)
            for schema_names, load_ids in loads_by_schemas.items():
                self._opened.rows.remove_appended(
                    schema_names, item.short_name, load_ids, appends=item.appends
                )

    def _check_not_settled(self, extraction: Extraction, records: Sequence[LoadRecord]) -> None:
        """Take this load out where another took it for one that was cut off, and removed rows."""
        rows = self._opened.rows
        if rows is None or not extraction.load_ids:
            return
        if not self._ledger.is_still_open(records):
            rows.remove_unfinished(
                records[0].schema_names, extraction.load_ids, lambda _table: False
            )
            raise ConcurrentLoadError(self._opened.pipeline.pipeline_name)

    def _check_alone(self, extraction: Extraction, states: Mapping[str, ResourceState]) -> None:
        """Stop where no lock held for certain, and another load came first."""
        if self._opened.rows and not is_next(self._opened, extraction, states):
            raise ConcurrentLoadError(self._opened.pipeline.pipeline_name)


def _own_schemas(
    item: LoadedResource, loaded: Iterable[LoadedResource], load: TakenBack
) -> frozenset[str]:
    """Return the schemas of a load in which tables of *item* may be.

    A batch loads several sources at once, and another one may have a resource of the same name.
    """
    if item.schema_name in load.schema_names:
        return frozenset({item.schema_name})
    # the resources were grouped otherwise then, and their schemas named after another task
    others = {other.schema_name for other in loaded}
    return frozenset(load.schema_names) - others


def is_next(
    opened: OpenedPipeline, extraction: Extraction, states: Mapping[str, ResourceState]
) -> bool:
    """Tell whether nothing was loaded since *extraction* was made."""
    if opened.rows is None:
        unfinished = {item.unfinished.load_ids for item in states.values() if item.unfinished}
        return extraction.load_ids in unfinished
    known = {load_id for state in states.values() for load_id in state.load_ids}
    with opened.rows.held():
        if opened.rows.finished_loads(extraction.load_ids):
            return False
        newest = opened.rows.newest_state(opened.pipeline.pipeline_name, known)
    return extraction.base_version == (int(newest["_state_version"]) if newest else None)
