"""`airflow-dlt state list`, `show` and `history`: they only look."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from airflow_dlt_provider.cli.state import (
    DagArgument,
    DatasetOption,
    JsonOption,
    StoreOption,
    open_pipeline,
)
from airflow_dlt_provider.cli.terminal import print_fields, print_json, print_table
from airflow_dlt_provider.core.control import documents
from airflow_dlt_provider.core.control.resources import (
    KnownResources,
    describe_request,
    short_record_ids,
)
from airflow_dlt_provider.core.state.records import LoadRecord, StateRequest

ResourceArgument = Annotated[str, typer.Argument(metavar="RESOURCE")]
LIST_COLUMNS = (
    "resource",
    "last load",
    "run",
    "status",
    "rows",
    "cursor",
    "pending request",
    "unfinished load",
)


def list_resources(
    dag: DagArgument,
    store: StoreOption = None,
    dataset: DatasetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every resource of a Dag: its last load, its cursor, what is asked and not yet done.

    JSON: `pipeline_name`, `store`, and for each of `resources`: `resource_name`, `last_load`,
    `cursors`, `pending_request`, `unfinished_load`, `updated_at`.
    """
    opened, pipeline_name = open_pipeline(dag, store, dataset)
    known = KnownResources(opened, pipeline_name)
    known.require_any(dag)
    found = [
        documents.resource_document(
            name, known.states.get(name), known.last_load(name), known.pending.get(name)
        )
        for name in known.names
    ]
    if as_json:
        print_json({"pipeline_name": pipeline_name, "store": opened.name, "resources": found})
        return
    typer.echo(f"Pipeline {pipeline_name}, state store {opened.name}")
    print_table(
        LIST_COLUMNS, [_list_row(item, known.pending.get(item["resource_name"])) for item in found]
    )


def show(
    dag: DagArgument,
    resource: ResourceArgument,
    source: Annotated[
        str | None, typer.Option(help="Name of its source, to show source-level state too.")
    ] = None,
    store: StoreOption = None,
    dataset: DatasetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all that is known of one resource.

    JSON: as one of `resources` of `list`, and `pipeline_name`, `store`, `task_pipeline`,
    `state_version`, `load_ids`, `dlt_states`, `applied_request_id`, `source_state`.
    """
    opened, pipeline_name = open_pipeline(dag, store, dataset)
    known = KnownResources(opened, pipeline_name)
    known.require(resource)
    state, pending = known.states.get(resource), known.pending.get(resource)
    merged = opened.read_source(pipeline_name, source) if source else None
    document = (
        {"pipeline_name": pipeline_name, "store": opened.name}
        | documents.resource_document(resource, state, known.last_load(resource), pending)
        | documents.full_resource_document(state, merged)
    )
    if as_json:
        print_json(document)
        return
    print_fields(_shown_fields(document, pending))
    if source:
        _print_source(source, document["source_state"])


def history(
    dag: DagArgument,
    resource: ResourceArgument,
    limit: Annotated[int, typer.Option(min=1, help="How many loads, at most.")] = 20,
    store: StoreOption = None,
    dataset: DatasetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the loads of one resource, the newest first. Their ids are what `rewind` takes.

    JSON: `pipeline_name`, `store`, `resource_name`, and for each of `loads`: `record_id`, `dag_id`,
    `run_id`, `try_number`, `status`, `kind`, `window`, `recorded_at`, `load_ids`, `rows`,
    `rows_by_table`, `cursor_before`, `cursor_after`, `seconds`, `seconds_by_step`,
    `schema_changes`, `request_id`, `request`, `task_pipeline`, `destination`, `dataset_name`,
    `table_name`.
    """
    opened, pipeline_name = open_pipeline(dag, store, dataset)
    known = KnownResources(opened, pipeline_name)
    known.require(resource)
    records = known.loads(resource)
    last_request = opened.read_requests(pipeline_name, [resource]).get(resource)
    if as_json:
        print_json(
            {
                "pipeline_name": pipeline_name,
                "store": opened.name,
                "resource_name": resource,
                "loads": [_history_item(item, last_request) for item in records[:limit]],
            }
        )
        return
    if not records:
        typer.echo(f"The ledger has no load of resource {resource!r}.")
    short_ids = short_record_ids(records)
    for record in records[:limit]:
        _print_load(short_ids[record.record_id], record, last_request)


def _list_row(item: dict[str, Any], pending: StateRequest | None) -> tuple[str, ...]:
    last, unfinished = item["last_load"], item["unfinished_load"]
    return (
        item["resource_name"],
        last["recorded_at"] if last else "",
        last["run_id"] if last else "",
        last["status"] if last else "",
        f"{last['rows']:,}" if last else "",
        _cursors(item["cursors"]),
        describe_request(pending) if pending else "",
        f"{unfinished['run_id']}, try {unfinished['try_number']}" if unfinished else "",
    )


def _shown_fields(document: dict[str, Any], pending: StateRequest | None) -> list[tuple[str, str]]:
    last, unfinished = document["last_load"], document["unfinished_load"]
    version = document["state_version"]
    return [
        ("resource", document["resource_name"]),
        ("pipeline", document["pipeline_name"]),
        ("state store", document["store"]),
        ("task pipeline", document["task_pipeline"] or ""),
        ("state version", "" if version is None else str(version)),
        ("last load ids", ", ".join(document["load_ids"])),
        ("last load", _load_line(last) if last else "none in the ledger"),
        *(
            (
                f"cursor {item['resource']}.{item['path']}",
                f"{_text(item['value'])} ({item['type']})",
            )
            for item in document["cursors"]
        ),
        *(
            (f"state of {name}", json.dumps(other, ensure_ascii=False))
            for name, state in document["dlt_states"].items()
            if (other := {key: state[key] for key in state if key != "incremental"})
        ),
        ("unfinished load", _load_line(unfinished) if unfinished else ""),
        ("pending request", describe_request(pending) if pending else ""),
        ("applied request", document["applied_request_id"] or ""),
        ("updated at", document["updated_at"] or ""),
    ]


def _print_source(source_name: str, source: dict[str, Any] | None) -> None:
    if source is None:
        typer.echo(f"Nothing is kept of source {source_name!r}.")
        return
    fields = [
        (f"source {source_name}", json.dumps(source["values"], ensure_ascii=False)),
        ("merged at", source["updated_at"]),
        *(("conflict", json.dumps(item, ensure_ascii=False)) for item in source["conflicts"]),
    ]
    print_fields(fields)


def _history_item(record: LoadRecord, last_request: StateRequest | None) -> dict[str, Any]:
    is_known = last_request is not None and record.request_id == last_request.request_id
    request = documents.request_document(last_request) if last_request and is_known else None
    return documents.load_document(record) | {"request": request}


def _print_load(short_id: str, record: LoadRecord, last_request: StateRequest | None) -> None:
    item = _history_item(record, last_request)
    typer.echo(
        f"{short_id}  {item['recorded_at']}  {record.status}, run {record.run_id}, "
        f"try {record.try_number}"
    )
    paths = dict.fromkeys((*record.cursor_before, *record.cursor_after))
    fields = [
        ("kind", "" if record.kind == "load" else record.kind),
        ("window", " to ".join(record.window or ())),
        ("rows", ", ".join(f"{name} {rows:,}" for name, rows in record.rows_by_table.items())),
        *(("cursor", f"{path} = {_moved(record, path)}") for path in paths),
        ("load ids", ", ".join(record.load_ids) or "none, there was nothing new"),
        ("seconds", f"{item['seconds']:.2f}"),
        (
            "new columns",
            "; ".join(f"{t}: {', '.join(names)}" for t, names in record.schema_changes.items()),
        ),
        (
            "request",
            describe_request(last_request)
            if last_request and item["request"]
            else record.request_id or "",
        ),
    ]
    print_fields(fields, indent="  ")


def _moved(record: LoadRecord, path: str) -> str:
    before, after = record.cursor_before.get(path), record.cursor_after.get(path)
    return f"{_text(before)} -> {_text(after)}"


def _load_line(load: dict[str, Any]) -> str:
    return (
        f"{load['recorded_at']}, run {load['run_id']}, try {load['try_number']}, "
        f"{load['status']}, {load['rows']:,} rows"
    )


def _cursors(cursors: list[dict[str, Any]]) -> str:
    several = len({item["resource"] for item in cursors}) > 1
    return ", ".join(
        f"{item['resource'] + '.' if several else ''}{item['path']} = {_text(item['value'])}"
        for item in cursors
    )


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
