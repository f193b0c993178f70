"""Unfinished loads of earlier tries: what became of them, and taking out what they left."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from dlt.common.schema.typing import TTableSchema

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.ledger import state_after
from airflow_dlt_provider.core.loading.rows.contract import StoredRows
from airflow_dlt_provider.core.loading.superseded import remove_superseded
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.records import LoadRecord, LoadStatus, ResourceState
from airflow_dlt_provider.core.state.store import StateStore

log = logging.getLogger(__name__)


def settle_unfinished(
    request: LoadRequest,
    rows: StoredRows,
    states: Mapping[str, ResourceState],
    store: StateStore,
) -> dict[str, ResourceState]:
    """Find out how unfinished loads ended, and take out the rows of those that did not.

    dlt finishes a load by a note of its own in the destination, after the last row. A load with
    that note was cut off before the ledger was told, which is made up for. Of any other load all
    rows are removed. Where the store knows nothing of a task, its tables are searched once for
    rows of loads that never ended.

    Args:
        request: What is to be loaded.
        rows: The destination's rows.
        states: What the store knows of the resources.
        store: Where the outcome is recorded.

    Returns:
        *states*, with no load left unfinished.
    """
    if not states or any(name not in states for name in request.resources):
        with rows.held():
            _remove_orphans(request, rows)
    settled = {}
    for unfinished in _unfinished_loads(states):
        is_finished = _settle_load(unfinished, request, rows)
        for name, state in states.items():
            if state.unfinished and state.unfinished.load_ids == unfinished.load_ids:
                if is_finished:
                    remove_superseded(rows, state.unfinished)
                settled[name] = _settle(state, state.unfinished, store, is_finished=is_finished)
    store.write_resources(list(settled.values()))
    return {**states, **settled}


def _settle_load(unfinished: LoadRecord, request: LoadRequest, rows: StoredRows) -> bool:
    """Tell whether a load has finished; if not, take out what it left."""
    _check_dataset(unfinished, request)
    load = ", ".join(unfinished.load_ids)
    run = f"run {unfinished.run_id}, try {unfinished.try_number}"
    if rows.finished_loads(unfinished.load_ids) == set(unfinished.load_ids):
        log.warning(
            "Load %s of %s had finished when its task was cut off; the ledger is told so", load, run
        )
        return True
    log.warning("Load %s of %s was cut off; the rows that it left are removed", load, run)
    rows.remove_unfinished(
        unfinished.schema_names, unfinished.load_ids, partial(_is_alone_in, request)
    )
    _remove_folder(unfinished, request)
    return False


def _unfinished_loads(states: Mapping[str, ResourceState]) -> list[LoadRecord]:
    """Return one record of each load that nobody has seen the end of."""
    unfinished = [state.unfinished for state in states.values() if state.unfinished]
    return list({record.load_ids: record for record in unfinished}.values())


def _check_dataset(unfinished: LoadRecord, request: LoadRequest) -> None:
    """Stop at a load into another dataset: here nobody can say how it ended."""
    dataset_name = request.destination.dataset_name or request.pipeline_name
    if unfinished.dataset_name and unfinished.dataset_name != dataset_name:
        raise StateError(
            f"load {', '.join(unfinished.load_ids)} into dataset {unfinished.dataset_name!r} was "
            f"cut off, and this load goes into {dataset_name!r}; load into the former first, or "
            "give each dataset a pipeline_name of its own"
        )


def _remove_orphans(request: LoadRequest, rows: StoredRows) -> None:
    schema_names = [names.schema_name(name, request.task_key) for name in request.source_names]
    load_ids = rows.unfinished_loads(schema_names, partial(_is_alone_in, request))
    if load_ids:
        log.warning(
            "The state store knows nothing of %s, whose tables hold rows of loads that never "
            "ended (%s); they are removed",
            request.task_key,
            ", ".join(sorted(load_ids)),
        )
    # without load ids too: of a load that wrote nested rows only, no row has one
    rows.remove_unfinished(schema_names, load_ids, partial(_is_alone_in, request))


def _settle(
    state: ResourceState, unfinished: LoadRecord, store: StateStore, *, is_finished: bool
) -> ResourceState:
    """Record how a load ended; a crash after this settles the same once more."""
    status: LoadStatus = "finished" if is_finished else "removed"
    store.record_loads([unfinished.settled(status)])
    return state_after(state, unfinished) if is_finished else replace(state, unfinished=None)


def _remove_folder(record: LoadRecord, request: LoadRequest) -> None:
    """Remove what a run that will not come back left on this machine."""
    folder = Path(record.working_dir) if record.working_dir else None
    if folder and folder.parent == request.working_dir.parent and folder != request.working_dir:
        shutil.rmtree(folder, ignore_errors=True)


def _is_alone_in(request: LoadRequest, root: TTableSchema) -> bool:
    """Tell whether no other task writes a root table: after a regrouping, others clear up too."""
    own = [name.rpartition(names.SEPARATOR)[2] for name in request.resources] + [*request.resources]
    is_own = not request.resources or root.get("resource") in own
    return is_own and root.get("name") not in request.shared_tables
