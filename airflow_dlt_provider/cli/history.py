"""`airflow-dlt history`: the last loads of declared sources."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Annotated, Any

import typer

from airflow_dlt_provider.cli.examples import examples
from airflow_dlt_provider.cli.projects import ProjectOption, named_source, open_project
from airflow_dlt_provider.cli.sync_options import StoreOption
from airflow_dlt_provider.cli.terminal import print_json, print_table
from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.state.records import LoadRecord

COLUMNS = ("when", "source", "resource", "status", "kind", "rows", "seconds", "refreshed", "run")
HISTORY_EXAMPLES = examples(
    ("history", "the last loads of all sources"),
    ("history shop -n 5", "the last five of one"),
    ("history shop --json", "for a script"),
)


def source_history(
    source: Annotated[
        str | None, typer.Argument(metavar="[SOURCE]", help="Default: all sources.")
    ] = None,
    limit: Annotated[int, typer.Option("-n", min=1, help="How many loads, at most.")] = 20,
    project: ProjectOption = None,
    store: StoreOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document, and nothing else.")
    ] = False,
) -> None:
    """Show the last loads of sources, the newest first: of syncs, and of Airflow's runs.

    Each line is what one load did to one resource; one that failed before it wrote anything has
    none. `state history` says more of a single resource.

    JSON: for each of `loads`: `recorded_at`, `source`, `resource_name`, `status`, `kind`, `rows`,
    `seconds`, `full_refresh`, `run_id`, `window`, `load_ids`.
    """
    opened = open_project(project)
    sources = [named_source(opened, source)] if source else list(opened.sources)
    found = [item for declared in sources for item in _loads(declared, store, limit)]
    newest = sorted(found, key=lambda item: item["recorded_at"], reverse=True)[:limit]
    if as_json:
        print_json({"loads": newest})
    elif newest:
        print_table(COLUMNS, [_row(item) for item in newest])
    else:
        typer.echo("Nothing was loaded yet.")


def _loads(source: DeclaredSource, store: str | None, limit: int) -> Iterator[dict[str, Any]]:
    from airflow_dlt_provider.cli.surroundings import surroundings

    try:
        opened = surroundings().known_store(store, source, source.registration.project_dir)
    except StateError as error:
        if store is not None:
            raise
        # a store that nothing was written to yet is no mistake
        typer.echo(f"Note: {source.name}: {error}", err=True)
        return
    with contextlib.closing(opened):
        for name in opened.list_resources(source.pipeline_name):
            for record in opened.list_loads(source.pipeline_name, name, limit):
                yield _document(source.name, record)


def _document(source_name: str, record: LoadRecord) -> dict[str, Any]:
    moment = datetime.fromtimestamp(record.recorded_at, timezone.utc)
    return {
        "recorded_at": moment.isoformat(timespec="seconds"),
        "source": source_name,
        "resource_name": record.resource_name,
        "status": record.status,
        "kind": record.kind,
        "rows": record.rows,
        "seconds": round(record.seconds, 3),
        "full_refresh": record.kind == "refresh",
        "run_id": record.run_id,
        "window": record.window,
        "load_ids": list(record.load_ids),
    }


def _row(item: dict[str, Any]) -> tuple[str, ...]:
    return (
        item["recorded_at"],
        item["source"],
        item["resource_name"],
        item["status"],
        item["kind"],
        f"{item['rows']:,}",
        f"{item['seconds']:.1f}",
        "yes" if item["full_refresh"] else "no",
        item["run_id"],
    )
