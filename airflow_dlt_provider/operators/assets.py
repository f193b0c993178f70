"""What Airflow is told of the tables that a task loaded: events of their assets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

if TYPE_CHECKING:
    # a Dag is parsed without it
    from airflow_dlt_provider.core.loading.result import LoadResult, ResourceLoad


def loads_by_asset(
    resource_assets: Mapping[str, Asset], result: LoadResult
) -> list[tuple[Asset, list[ResourceLoad]]]:
    """Return the assets of the tables that were loaded, each with the loads of its resources.

    Args:
        resource_assets: Resource name -> the asset of its root table.
        result: What the task loaded: not always all of its resources.
    """
    found: dict[str, tuple[Asset, list[ResourceLoad]]] = {}
    for load in result.resources:
        if asset := resource_assets.get(load.resource_name):
            found.setdefault(asset.name, (asset, []))[1].append(load)
    return list(found.values())


def event_extra(loads: Sequence[ResourceLoad], result: LoadResult) -> dict[str, Any]:
    """Return what the event of one table says.

    Args:
        loads: Those of the resources that write the table; mostly one.
        result: What the task loaded.

    Returns:
        `rows` of the root table, `rows_by_table` with nested and dispatched ones, `load_ids`,
        `cursor` (path -> value), `kind` (`load`, `refresh`, `backfill` or a person's request),
        `window` (both ends, of a backfill), `warnings` (where the load was unusual),
        `destination` and `dataset`.
    """
    rows_by_table: Counter[str] = Counter()
    for load in loads:
        rows_by_table.update(load.rows_by_table)
    first = loads[0]
    warnings = [warning for load in loads for warning in load.warnings]
    return {
        "rows": sum(load.root_rows for load in loads),
        "rows_by_table": dict(rows_by_table),
        "load_ids": list(result.load_ids),
        "cursor": {path: value for load in loads for path, value in load.cursor_after.items()},
        "kind": first.kind,
        **({"window": first.window} if first.window else {}),
        **({"warnings": warnings} if warnings else {}),
        "destination": result.destination,
        "dataset": result.dataset_name,
    }


def outlets_with_event(
    outlets: Sequence[Any],
    resource_assets: Mapping[str, Asset],
    result: LoadResult,
    *,
    emit_when_empty: bool,
) -> list[Any]:
    """Return the outlets of which Airflow shall make an event.

    Airflow makes one for each outlet of the copy of the task that it runs (3.3.2).

    Args:
        outlets: All outlets of the task.
        resource_assets: Resource name -> the asset of its root table.
        result: What the task loaded.
        emit_when_empty: Whether a table that got no rows has an event too.
    """
    updated = [
        asset
        for asset, loads in loads_by_asset(resource_assets, result)
        if emit_when_empty or any(load.rows for load in loads)
    ]
    silent = [asset for asset in resource_assets.values() if asset not in updated]
    return [item for item in outlets if item not in silent]
