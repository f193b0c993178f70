"""How long the loads of each resource take, as the ledger remembers them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

from airflow_dlt_provider.core.state.records import LoadRecord
from airflow_dlt_provider.core.state.store import StateStore

REMEMBERED_LOADS = 20
"""How many of the last loads of a resource are looked at."""


def remembered_seconds(
    store: StateStore,
    pipeline_name: str,
    resource_names: Sequence[str],
    former: Mapping[str, float],
) -> dict[str, float]:
    """Return resource -> the median seconds of its finished loads, with two significant digits.

    A load counts for a resource that was alone in its task. One that was always loaded together
    with others keeps what is known of it, else gets its share of the task, which is an estimate
    (`LoadResult.shares`). Backfills and requests of persons count where there is nothing else.

    Args:
        store: The ledger.
        pipeline_name: The base name.
        resource_names: The resources that are planned.
        former: What is known of them already.

    Raises:
        StateStoreError: The store cannot be reached or read.
    """
    loads = {
        name: _ordinary(store.list_loads(pipeline_name, name, REMEMBERED_LOADS))
        for name in resource_names
    }
    members: Counter[tuple[object, ...]] = Counter()
    for record in (record for records in loads.values() for record in records):
        members[_task_of(record)] += 1
    seconds: dict[str, float] = {}
    for name, records in loads.items():
        alone = [record.seconds for record in records if members[_task_of(record)] == 1]
        if alone:
            seconds[name] = _rounded(statistics.median(alone))
        elif name in former:
            seconds[name] = former[name]
        elif records:
            seconds[name] = _rounded(statistics.median(record.seconds for record in records))
    return seconds


def _ordinary(records: Sequence[LoadRecord]) -> list[LoadRecord]:
    finished = [record for record in records if record.status == "finished" and record.seconds]
    return [record for record in finished if record.kind == "load"] or finished


def _task_of(record: LoadRecord) -> tuple[object, ...]:
    """Return what the loads of one try of a task have in common."""
    return record.task_pipeline, record.dag_id, record.run_id, record.try_number, record.load_ids


def _rounded(seconds: float) -> float:
    """Round so that a little more or less changes no committed file."""
    return float(f"{seconds:.2g}")
