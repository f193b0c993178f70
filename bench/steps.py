"""One small resource, step by step: in a process forked after the imports, as a task's is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.forked import in_fork
from bench.many_tables import MODULE, credentials, write_module
from bench.measure import Options, Samples, say
from bench.plain import ELSE, STEPS, TOTAL, Place, load_ours, load_plain
from bench.real_airflow import create_database
from bench.report import Comparison, Section

ROWS = 2_000
CONNECTIONS, OPENED, QUERIES = "connections made", "clients opened", "queries"
OURS, PLAIN = "ours", "plain pipeline.run"

HOW = """
One resource of {rows:,} rows in a process that is forked after the provider's preload, as the
scheduler does it. The first load goes to a new dataset, the second finds nothing new; the working
folder is new each time. Ours keeps its ledger in SQLite. The plain one is `dlt.pipeline(...)` and
`run(...)` with the same source, and restores its state, too. "connections made" are those of the
driver, "clients opened" and "queries" those of dlt's `sql_client`.
"""


def run(options: Options) -> Section:
    """Run the case."""
    from airflow_dlt_provider.plugin.preload import preload

    write_module(options.folder)
    where = credentials(
        create_database(options.postgres, "warehouse"), options.folder / "warehouse.duckdb"
    )
    preload()
    found = {
        (destination, which): {OURS: Samples(), PLAIN: Samples()}
        for destination in options.destinations
        for which in ("first", "second")
    }
    for number in range(options.repeat):
        for destination in options.destinations:
            for variant, work in ((OURS, load_ours), (PLAIN, load_plain)):
                place = _place(options, where, destination, f"{variant.split()[0]}_{number}")
                for which in ("first", "second"):
                    loaded = in_fork(counted, work, place)
                    say(f"{destination} {which} load, {variant}: {1000 * loaded[TOTAL]:.0f} ms")
                    for part, value in loaded.items():
                        found[destination, which][variant].add(part, value)
    tables = tuple(
        Comparison(f"{destination}, {which} load", OURS, PLAIN, _parts(both[OURS], both[PLAIN]))
        for (destination, which), both in found.items()
    )
    how = HOW.format(rows=options.rows or ROWS)
    return Section("steps", "One small resource, step by step", how, tables)


def _place(options: Options, where: dict[str, str], destination: str, dataset: str) -> Place:
    return Place(
        options.folder,
        destination,
        dataset,
        f"{MODULE}:many",
        {"tables": 1, "rows": options.rows or ROWS},
        where,
        resource="table_00",
    )


def _parts(
    ours: Samples, plain: Samples
) -> tuple[tuple[str, str, tuple[float, ...], tuple[float, ...]], ...]:
    parts = []
    for name in (TOTAL, *STEPS, ELSE, CONNECTIONS, OPENED, QUERIES):
        factor, unit = (1, "") if name in (CONNECTIONS, OPENED, QUERIES) else (1000, "ms")
        values = (tuple(factor * value for value in side.values[name]) for side in (ours, plain))
        parts.append((name, unit, *values))
    return tuple(parts)


def counted(work: Callable[[Place], dict[str, float]], place: Place) -> dict[str, float]:
    """Return what *work* does, and how often it went to the destination."""
    with counting() as counts:
        return {**work(place), **counts}


@contextmanager
def counting() -> Iterator[dict[str, float]]:
    """Count what goes to a destination, in this process and for good: it ends soon."""
    import duckdb
    import psycopg2
    from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
    from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

    counts: dict[str, float] = {CONNECTIONS: 0, OPENED: 0, QUERIES: 0}
    for client in (DuckDbSqlClient, Psycopg2SqlClient):
        _count(counts, OPENED, client, "open_connection")
        _count(counts, QUERIES, client, "execute_query")
    _count(counts, CONNECTIONS, duckdb, "connect")
    _count(counts, CONNECTIONS, psycopg2, "connect")
    yield counts


def _count(counts: dict[str, float], what: str, owner: Any, name: str) -> None:
    method = getattr(owner, name)

    def counting_call(*arguments: Any, **kwargs: Any) -> Any:
        counts[what] += 1
        return method(*arguments, **kwargs)

    setattr(owner, name, counting_call)
