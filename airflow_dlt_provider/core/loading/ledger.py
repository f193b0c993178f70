"""One load in the state store: what it started from, that it began, and how it ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from airflow_dlt_provider.core.errors import StateStoreError
from airflow_dlt_provider.core.loading.extraction import Extraction
from airflow_dlt_provider.core.loading.result import LoadResult, ResourceLoad
from airflow_dlt_provider.core.loading.rows.contract import RowRange
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.records import (
    KEPT_RECENT,
    LoadRecord,
    RecentLoad,
    ResourceState,
    TakenBack,
)
from airflow_dlt_provider.core.state.store import ALL_KEPT, StateStore

log = logging.getLogger(__name__)


class Ledger:
    """What the state store knows of one task.

    Args:
        request: What is to be loaded.
        pipeline_name: The task's own dlt pipeline.
        store: Where it is kept.
    """

    def __init__(self, request: LoadRequest, pipeline_name: str, store: StateStore) -> None:
        self._request = request
        self._pipeline_name = pipeline_name
        self._store = store

    def read(self, resource_names: Iterable[str] = ()) -> dict[str, ResourceState]:
        """Return resource name -> what is known of it.

        Args:
            resource_names: Default: those that the task was planned with. A task for a whole
                source knows none before it has built it, and remembers what it loaded last.
        """
        names = tuple(resource_names) or self._request.resources
        if not names:
            index = self._read([self._request.task_key]).get(self._request.task_key)
            names = index.members if index else ()
        return self._read(names) if names else {}

    def _read(self, names: Iterable[str]) -> dict[str, ResourceState]:
        return self._store.read_resources(self._request.pipeline_name, names)

    def loaded_before(self, states: Mapping[str, ResourceState]) -> LoadResult | None:
        """Return what earlier tries of the task loaded in this run; `None` without.

        A task that Airflow retries has not said that it succeeded: it was cut off before it could,
        or others of its resources failed. A task that was cleared loads anew, unless some of its
        resources have failed ever since: then it goes on from those that did not.
        """
        run = self._request.run
        if run.try_number == 1:
            return None
        # with a selected resource go those that share its cursor, which nobody knows yet
        wanted = self._request.selected or self._request.resources or tuple(states)
        loaded = [
            record
            for name in wanted
            if (record := self._store.last_load(self._request.pipeline_name, name))
            and record.status == "finished"
            and (record.dag_id, record.run_id) == (run.dag_id, run.run_id)
            and record.try_number < run.try_number
        ]
        missing = set(wanted) - {record.resource_name for record in loaded}
        if not any(missing.intersection(record.left_out) for record in loaded):
            loaded = [record for record in loaded if record.max_tries == run.max_tries]
        return _result_of(loaded) if loaded else None

    def begin(
        self,
        result: LoadResult,
        extraction: Extraction,
        states: Mapping[str, ResourceState],
        superseded: Mapping[str, RowRange],
        tables: Mapping[str, dict[str, Any]],
    ) -> tuple[LoadRecord, ...]:
        """Keep that a load begins, before its first row is in the destination.

        Args:
            result: What is going to be loaded.
            extraction: Where it comes from.
            states: What is known of the resources.
            superseded: Resource -> the older rows that the load takes the place of.
            tables: Resource -> its tables, as the load leaves them.
        """
        records = tuple(
            replace(
                self._record(load, result, extraction),
                superseded=asdict(superseded[load.resource_name])
                if load.resource_name in superseded
                else None,
                tables_after=tables.get(load.resource_name, {}),
            )
            for load in result.resources
        )
        requests = {item.name: extraction.request_of(item.name) for item in extraction.loaded}
        if extraction.load_ids or any(requests.values()):
            begun = [
                replace(
                    states.get(record.resource_name) or self._unknown(record.resource_name),
                    unfinished=record if extraction.load_ids else None,
                    interrupted=requests[record.resource_name],
                )
                for record in records
            ]
            self._store.write_resources(self._indexed(begun))
        return records

    def is_still_open(self, records: Iterable[LoadRecord]) -> bool:
        """Tell whether nobody has taken this load, which is at work, for one that was cut off."""
        record_ids = {record.resource_name: record.record_id for record in records}
        states = self._read(record_ids)
        return all(
            state.unfinished and state.unfinished.record_id == record_ids[name]
            for name, state in states.items()
        )

    def finish(
        self,
        records: Iterable[LoadRecord],
        result: LoadResult,
        states: Mapping[str, ResourceState],
        *,
        keeps_state: bool,
    ) -> None:
        """Keep how a load ended.

        The rows are in the destination, and so is the cursor: a store that fails now is made up
        for by the next load. Only where the store alone holds the cursor, the task has to fail.
        """
        ended = [
            replace(
                record,
                seconds_by_step={step: s * share for step, s in result.seconds_by_step.items()},
                schema_changes=load.schema_changes,
                warnings=load.warnings,
                recorded_at=time.time(),
            )
            for record, load, share in zip(records, result.resources, result.shares(), strict=True)
        ]
        try:
            self._store.record_loads([record.settled("finished") for record in ended])
            after = [
                self._state_after(record, states.get(record.resource_name)) for record in ended
            ]
            self._store.write_resources(self._indexed(after))
        except StateStoreError as error:
            if not keeps_state:
                raise
            # failing now would make Airflow load again what is loaded
            log.warning("The load is done, but %s; the next load makes up for it", error)

    def mark_removed(self, resource_name: str, taken_back: Iterable[TakenBack]) -> None:
        """Note that loads of a resource are taken back."""
        record_ids = {item.record_id for item in taken_back}
        records = self._store.list_loads(self._request.pipeline_name, resource_name, ALL_KEPT)
        self._store.record_loads(
            [replace(item, status="removed") for item in records if item.record_id in record_ids]
        )

    def _record(self, load: ResourceLoad, result: LoadResult, extraction: Extraction) -> LoadRecord:
        run = self._request.run
        loaded = next(item for item in extraction.loaded if item.name == load.resource_name)
        request = extraction.request_of(loaded.name)
        return LoadRecord(
            pipeline_name=self._request.pipeline_name,
            resource_name=load.resource_name,
            dag_id=run.dag_id,
            run_id=run.run_id,
            try_number=run.try_number,
            max_tries=run.max_tries,
            load_ids=extraction.load_ids,
            rows_by_table=load.rows_by_table,
            cursor_before=load.cursor_before,
            cursor_after=load.cursor_after,
            seconds_by_step={},
            recorded_at=time.time(),
            status="unfinished",
            task_pipeline=self._pipeline_name,
            destination=result.destination,
            dataset_name=result.dataset_name,
            table_name=load.table_name,
            schema_names=tuple(dict.fromkeys(item.schema_name for item in extraction.loaded)),
            states_before=extraction.states_before[loaded.name],
            states_after=extraction.states_after[loaded.name],
            state_version=extraction.state_version,
            kind=load.kind,
            window=load.window,
            request_id=request.request_id if request else None,
            is_own_request=loaded.name in extraction.own_requests,
            voided_request_id=extraction.voided_requests.get(loaded.name),
            changes={"id": extraction.extraction_id, "by_source": extraction.source_changes}
            if extraction.source_changes
            else {},
            working_dir=str(self._request.working_dir),
            left_out=tuple(extraction.left_out),
        )

    def _state_after(self, record: LoadRecord, before: ResourceState | None) -> ResourceState:
        former = before or self._unknown(record.resource_name)
        after = state_after(former, record)
        return replace(after, load_ids=record.load_ids or former.load_ids, updated_at=time.time())

    def _indexed(self, states: list[ResourceState]) -> list[ResourceState]:
        """Add the index of a task that was planned without knowing any resource."""
        if self._request.resources:
            return states
        key = self._request.task_key
        by_name = {state.resource_name: state for state in states}
        index = replace(by_name.get(key) or self._unknown(key), members=tuple(by_name))
        return [*(state for name, state in by_name.items() if name != key), index]

    def _unknown(self, resource_name: str) -> ResourceState:
        return ResourceState(
            pipeline_name=self._request.pipeline_name,
            resource_name=resource_name,
            task_pipeline=self._pipeline_name,
            state_version=0,
            load_ids=(),
            states={},
        )


def state_after(former: ResourceState, record: LoadRecord) -> ResourceState:
    """Return what is known of a resource when the load of *record*, just begun, has finished."""
    is_regrouped = former.task_pipeline != record.task_pipeline
    changes = record.changes or {"id": former.changes_id, "by_source": former.source_changes}
    if is_regrouped and not record.changes:
        # the last task of a run merges changes by the pipeline that made them
        changes = {"id": None, "by_source": {}}
    return replace(
        former,
        task_pipeline=record.task_pipeline,
        state_version=record.state_version,
        load_ids=record.load_ids,
        states=record.states_after,
        unfinished=None,
        interrupted=None,
        applied_request_id=_applied_request_id(record) or former.applied_request_id,
        source_changes=changes["by_source"],
        changes_id=changes["id"],
        recent=(*former.recent, RecentLoad.of(record))[-KEPT_RECENT:],
        # a load without rows may not know the tables of former ones
        tables=record.tables_after or former.tables,
    )


def _applied_request_id(record: LoadRecord) -> str | None:
    """Return what a person asked that the load of *record* does away with, if anything."""
    return record.request_id if record.is_own_request else record.voided_request_id


def _result_of(records: Sequence[LoadRecord]) -> LoadResult:
    first = records[0]
    return LoadResult(
        pipeline_name=first.task_pipeline,
        dataset_name=first.dataset_name,
        destination=first.destination,
        load_ids=tuple(dict.fromkeys(load_id for r in records for load_id in r.load_ids)),
        resources=tuple(
            ResourceLoad(
                resource_name=record.resource_name,
                table_name=record.table_name,
                rows_by_table=record.rows_by_table,
                cursor_before=record.cursor_before,
                cursor_after=record.cursor_after,
                schema_changes=record.schema_changes,
                kind=record.kind,
                window=record.window,
                warnings=record.warnings,
            )
            for record in records
        ),
        seconds_by_step=_sum_by_step(records),
    )


def _sum_by_step(records: Sequence[LoadRecord]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for record in records:
        for step, seconds in record.seconds_by_step.items():
            sums[step] = sums.get(step, 0.0) + seconds
    return sums
