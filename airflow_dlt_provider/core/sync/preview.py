"""The first items of a resource, looked at without loading anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.json import json as dlt_json
from dlt.common.pipeline import StateInjectableContext, TPipelineState

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import ResourceNotFoundError
from airflow_dlt_provider.core.planning.selection import candidates
from airflow_dlt_provider.core.planning.source_import import build_sources, user_code
from airflow_dlt_provider.core.run_context import loading_context
from airflow_dlt_provider.core.spec import SourceSpec
from airflow_dlt_provider.core.sync.plan import kept_environment


def preview_items(
    source: SourceSpec,
    resource_name: str,
    count: int,
    *,
    pipeline_name: str,
    data_dir: Path,
    secrets_toml: str | None = None,
) -> list[Any]:
    """Extract the first items of a resource, as its first load would.

    A transformer is fed by the resource that feeds it. No cursor is read or moved.

    Args:
        source: With all values resolved.
        resource_name: The resource.
        count: How many items.
        pipeline_name: The base name, by which settings are looked up.
        data_dir: Where a relative path of a local destination starts.
        secrets_toml: As in `LoadRequest`.

    Returns:
        The items, tables of rows taken apart.

    Raises:
        ResourceNotFoundError: The source has no such resource.
    """
    task_pipeline = names.task_pipeline_name(pipeline_name, names.task_key(resource_name))
    with (
        kept_environment(),
        user_code(source),
        loading_context(
            source.base_dir,
            data_dir,
            pipeline_name,
            task_pipeline,
            secrets_toml,
            source.registration,
        ),
        Container().injectable_context(StateInjectableContext(state=TPipelineState())),
    ):
        available = candidates(build_sources(source))
        known = [item.name for item in available]
        # a pattern names no single resource
        if resource_name not in known:
            raise ResourceNotFoundError("RESOURCE", resource_name, known)
        chosen = next(item for item in available if item.name == resource_name)
        with _closed(iter(chosen.source.with_resources(chosen.short_name))) as items:
            return list(islice(_rows(items), count))


def item_text(value: Any) -> str:
    """Write an item, or a value of one, as JSON."""
    return str(dlt_json.dumps(value))


@contextmanager
def _closed(items: Iterator[Any]) -> Iterator[Iterator[Any]]:
    """Let generators of user code end where they are."""
    try:
        yield items
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


def _rows(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        yield from _rows_of(item)


def _rows_of(item: Any) -> Iterable[Any]:
    """Return the rows of what one `yield` of user code gives."""
    if isinstance(item, Mapping):
        return [item]
    if isinstance(item, list):
        return _rows(item)
    for method, arguments in (("to_pylist", ()), ("to_dict", ("records",)), ("model_dump", ())):
        if hasattr(item, method):
            rows = getattr(item, method)(*arguments)
            return rows if isinstance(rows, list) else [rows]
    return [item]
