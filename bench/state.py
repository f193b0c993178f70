"""What the state store costs a load, with many resources and many past loads in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

from bench.measure import Options, Samples, say, seconds
from bench.real_airflow import create_database
from bench.report import Section, Table, Target
from tests.services import with_driver

RESOURCES = (10, 100, 1_000)
LOADS = (10, 1_000)
PIPELINE = "many"
CALLS = 20
"""Loads by which one figure is the mean."""

ONE_TASK = "the store calls of a task with one resource"
LISTED = "the names of all resources, and the last load of one"

HOW = """
A load's calls to the SQL state store: open it, read the resource's state and the requests for it,
write that the load begins, read it again, record the load, write how it ended, close it. A figure
is the mean of {calls} loads in one process; a resource has 20 columns and 12 loads in short.
A store keeps the last {kept} loads of each resource, as it comes, so that of 1,000 past loads the
last {recorded} are recorded. What a load costs shall not depend on the size of the store.
"""


def run(options: Options) -> Section:
    """Run the case."""
    from airflow_dlt_provider.core.state.store import KEPT_LOADS

    tables, targets = [], []
    urls = {"SQLite": lambda name: f"sqlite:///{options.folder / name}.db"}
    urls["PostgreSQL"] = lambda name: with_driver(create_database(options.postgres, name))
    for kind, make_url in urls.items():
        filled = {
            _name(resources, loads): _filled(
                make_url(f"state_{resources}_{loads}"), resources, loads
            )
            for resources in RESOURCES
            for loads in LOADS
        }
        for title, work in ((ONE_TASK, load_once), (LISTED, look_once)):
            table = _measure(f"{kind}: {title}", filled, work, options.repeat)
            tables.append(table)
        smallest, largest = (_name(f(RESOURCES), f(LOADS)) for f in (min, max))
        targets.append(
            Target(
                f"{kind}: largest store through smallest, {ONE_TASK}",
                tables[-2].ratio(largest, smallest),
                at_most=1.5,
            )
        )
    how = HOW.format(calls=CALLS, kept=KEPT_LOADS, recorded=2 * KEPT_LOADS)
    return Section("state", "The state store", how, tuple(tables), tuple(targets))


def _name(resources: int, loads: int) -> str:
    return f"{resources:,} resources, {loads:,} past loads each"


def _measure(
    title: str, urls: dict[str, str], work: Callable[[str, int], None], repeat: int
) -> Table:
    samples = Samples()
    number = 0
    for _ in range(repeat):
        for name, url in urls.items():
            number += CALLS
            taken = seconds(
                lambda url=url, first=number: [work(url, first + n) for n in range(CALLS)]
            )
            samples.add(name, 1000 * taken / CALLS)
            say(f"{title}, {name}: {1000 * taken / CALLS:.1f} ms")
    return Table(title, "ms", samples.rows(), _name(min(RESOURCES), min(LOADS)))


def _filled(url: str, resources: int, loads: int) -> str:
    """Fill a store and return its URL."""
    from airflow_dlt_provider.core.state.sql import SqlStateStore
    from airflow_dlt_provider.core.state.store import KEPT_LOADS

    names = [_table(number) for number in range(resources)]
    with closing(SqlStateStore(url)) as store:
        # a store keeps no more than the last ones; recording all of a million would show the same
        for number in range(max(0, loads - 2 * KEPT_LOADS), loads):
            records = [_record(name, number) for name in names]
            store.record_loads(records)
        store.write_resources([_state(record) for record in records])
    say(f"filled {_name(resources, loads)}")
    return url


def load_once(url: str, number: int) -> None:
    """Call the store as the load of one resource does."""
    from airflow_dlt_provider.core.state.sql import SqlStateStore

    name = _table(number % min(RESOURCES))
    with closing(SqlStateStore(url)) as store:
        states = store.read_resources(PIPELINE, [name])
        store.pending_requests(PIPELINE, states, [name])
        record = _record(name, number)
        store.write_resources([replace(states[name], unfinished=record)])
        store.read_resources(PIPELINE, [name])
        store.record_loads([record.settled("finished")])
        store.write_resources([_state(record)])


def look_once(url: str, number: int) -> None:
    """Call the store as the command line and the page do."""
    from airflow_dlt_provider.core.state.sql import SqlStateStore

    with closing(SqlStateStore(url)) as store:
        store.list_resources(PIPELINE)
        store.last_load(PIPELINE, _table(number % min(RESOURCES)))


def _table(number: int) -> str:
    return f"table_{number:04}"


def _record(name: str, number: int) -> Any:
    from airflow_dlt_provider.core.state.records import LoadRecord

    return LoadRecord(
        PIPELINE,
        name,
        PIPELINE,
        run_id=f"manual__{number}",
        try_number=1,
        load_ids=(f"{1_790_000_000 + number}.1",),
        rows_by_table={name: 100},
        cursor_before={"id": number},
        cursor_after={"id": number + 1},
        seconds_by_step={"extract": 0.4, "normalize": 0.1, "load": 0.3},
        recorded_at=1_790_000_000.0 + number,
        task_pipeline=f"{PIPELINE}__{name}",
        table_name=name,
    )


def _state(record: Any) -> Any:
    from airflow_dlt_provider.core.state.records import RecentLoad, ResourceState

    column = {"type": "text", "nullable": True, "key": False}
    name = record.resource_name
    return ResourceState(
        PIPELINE,
        name,
        task_pipeline=record.task_pipeline,
        state_version=2,
        load_ids=record.load_ids,
        states={name: {"incremental": {"id": {"last_value": 1, "initial_value": None}}}},
        recent=(RecentLoad.of(record),) * 12,
        tables={name: {"parent": None, "columns": {f"c{n}": column for n in range(20)}}},
    )
