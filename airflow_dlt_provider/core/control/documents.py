"""What persons, and `--json`, are shown of each record. Keys stay; new ones may join them.

Times are ISO 8601 in UTC. A value of a cursor is plain JSON, with its type beside it: one of
`VALUE_TYPES`, or Python's name of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from airflow_dlt_provider.core.state.records import (
    LoadRecord,
    ResourceState,
    SourceState,
    StateRequest,
)

VALUE_TYPES: dict[str, type] = {
    # a datetime is a date too: the first that fits counts
    "datetime": datetime,
    "date": date,
    "int": int,
    "float": float,
    "decimal": Decimal,
    "str": str,
}


def type_name(value: Any) -> str:
    """Name the type of a cursor's value, as a person names it."""
    if isinstance(value, bool):
        return "bool"
    fitting = (name for name, kind in VALUE_TYPES.items() if isinstance(value, kind))
    return next(fitting, "none" if value is None else type(value).__name__)


def plain(value: Any) -> Any:
    """Return *value* as plain JSON: dates and decimals become text."""
    from dlt.common.json import json

    return json.loads(json.dumps(value))


def time_text(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat(timespec="seconds")


def cursors_in(states: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return (resource, cursor path, last value) of all cursors in dlt's states by resource."""
    return [
        (name, path, cursor.get("last_value"))
        for name, state in states.items()
        for path, cursor in state.get("incremental", {}).items()
    ]


def cursor_documents(states: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Keys: `resource` (the one itself, or one that feeds it), `path`, `value`, `type`."""
    return [
        {"resource": name, "path": path, "value": plain(value), "type": type_name(value)}
        for name, path, value in cursors_in(states)
    ]


def load_document(record: LoadRecord) -> dict[str, Any]:
    """Keys: those below; `rows` counts all tables, `seconds` all steps of the task.

    `window` has both ends of a backfill's window, the second one excluded; else it is `null`.
    """
    return {
        "record_id": record.record_id,
        "dag_id": record.dag_id,
        "run_id": record.run_id,
        "try_number": record.try_number,
        "status": record.status,
        "kind": record.kind,
        "window": record.window,
        "recorded_at": time_text(record.recorded_at),
        "load_ids": list(record.load_ids),
        "rows": record.rows,
        "rows_by_table": record.rows_by_table,
        "cursor_before": record.cursor_before,
        "cursor_after": record.cursor_after,
        "seconds": round(record.seconds, 3),
        "seconds_by_step": record.seconds_by_step,
        "schema_changes": record.schema_changes,
        "request_id": record.request_id,
        "task_pipeline": record.task_pipeline,
        "destination": record.destination,
        "dataset_name": record.dataset_name,
        "table_name": record.table_name,
    }


def request_document(request: StateRequest) -> dict[str, Any]:
    """Keys: those below; `cursor_path`, `value` and `value_type` for `set`, else `null`."""
    is_set = request.kind == "set"
    return {
        "request_id": request.request_id,
        "resource_name": request.resource_name,
        "kind": request.kind,
        "cursor_path": request.cursor_path,
        "value": plain(request.value) if is_set else None,
        "value_type": type_name(request.value) if is_set else None,
        "record_id": request.record_id,
        "run_id": request.run_id,
        "asked_by": request.asked_by,
        "asked_at": time_text(request.asked_at),
    }


def resource_document(
    resource_name: str,
    state: ResourceState | None,
    last_load: LoadRecord | None,
    pending: StateRequest | None,
) -> dict[str, Any]:
    """Keys: those below; `null` for what is not there."""
    unfinished = state.unfinished if state else None
    return {
        "resource_name": resource_name,
        "last_load": load_document(last_load) if last_load else None,
        "cursors": cursor_documents(state.states if state else {}),
        "pending_request": request_document(pending) if pending else None,
        "unfinished_load": load_document(unfinished) if unfinished else None,
        "updated_at": time_text(state.updated_at) if state else None,
    }


def full_resource_document(
    state: ResourceState | None, source: SourceState | None
) -> dict[str, Any]:
    """Keys that `state show` has beside those of `resource_document`."""
    return {
        "task_pipeline": state.task_pipeline if state else None,
        "state_version": state.state_version if state else None,
        "load_ids": list(state.load_ids) if state else [],
        "dlt_states": plain(state.states) if state else {},
        "applied_request_id": state.applied_request_id if state else None,
        "source_state": source_document(source) if source else None,
    }


def source_document(source: SourceState) -> dict[str, Any]:
    """Keys: those below."""
    return {
        "source_name": source.source_name,
        "values": plain(source.values),
        "conflicts": plain(source.conflicts),
        "updated_at": time_text(source.updated_at),
    }
