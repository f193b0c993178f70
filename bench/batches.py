"""Fifty tables in as many tasks as there are slots, next to one task for all of them."""

from __future__ import annotations

from bench.many_tables import OURS, credentials, write_module
from bench.measure import Options, Samples, rotated, say
from bench.real_airflow import BenchAirflow, DagFile, create_database
from bench.report import Section, Table, Target

TABLES = 50
SIZES = (20_000, 2_000)
SLOTS = 4

BATCHES = f"ours: max_tasks={SLOTS}"
ALL = "ours: one task for all"
EACH = "ours: one task each"
OPTIONS = {BATCHES: f"max_tasks={SLOTS},", ALL: 'decompose="none",', EACH: ""}

HOW = """
{tables} tables from a generator, into an empty dataset. Airflow as in the case of small tables:
LocalExecutor with {slots} slots, metadata in PostgreSQL, started anew for each round. Seconds of a
run from its start to its end as Airflow notes them. DuckDB has one writer at a time.
"""


def run(options: Options) -> Section:
    """Run the case."""
    where = credentials(
        create_database(options.postgres, "warehouse"), options.folder / "warehouse.duckdb"
    )
    metadata = create_database(options.postgres, "provider")
    airflow = BenchAirflow(options.folder / "provider", metadata, SLOTS, where)
    write_module(airflow.dags)
    found = {(where_to, rows): Samples() for rows in SIZES for where_to in options.destinations}
    for round_number in range(options.repeat):
        say(f"round {round_number + 1} of {options.repeat}")
        _run_round(found, options, airflow, round_number)
    tables = tuple(
        Table(f"{destination}, {rows:,} rows each", "s", samples.rows(), ALL)
        for (destination, rows), samples in found.items()
    )
    targets = tuple(
        Target(
            f"{table.title}: one task for all through max_tasks={SLOTS}",
            table.ratio(ALL, BATCHES),
            at_least=1.4 if rows == max(SIZES) else 1.0,
        )
        for table, (_, rows) in zip(tables, found, strict=True)
    )
    how = HOW.format(tables=options.tables or TABLES, slots=SLOTS)
    return Section("batches", "Fifty tables in batches", how, tables, targets)


def _run_round(
    found: dict[tuple[str, int], Samples],
    options: Options,
    airflow: BenchAirflow,
    round_number: int,
) -> None:
    dags = {}
    for (destination, rows), samples in found.items():
        for number, (variant, arguments) in enumerate(OPTIONS.items()):
            if not options.wants(variant) or samples.has_failed(variant):
                continue
            name = f"v{number}_{destination}_{rows}_{round_number}"
            text = OURS.format(
                name=name,
                destination=destination,
                tables=options.tables or TABLES,
                rows=rows,
                options=arguments,
            )
            dags[name] = (samples, variant, DagFile(text))
    files = {name: file for name, (_, _, file) in dags.items()}
    results = airflow.measure(rotated(files, round_number))
    for name, (samples, variant, _) in dags.items():
        result = results[name]
        if isinstance(result, str):
            samples.fail(variant, result)
        else:
            samples.add(variant, result[0])
