"""What loads left in a destination, and how to take it out again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from dlt.common.destination.client import JobClientBase, WithStateSync
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from dlt.destinations.job_client_impl import SqlJobClientBase

from airflow_dlt_provider.core.loading.rows.contract import StoredRows
from airflow_dlt_provider.core.loading.rows.files import FileRows
from airflow_dlt_provider.core.loading.rows.sql import SqlRows


def stored_rows(
    client: JobClientBase, lock: Callable[[], AbstractContextManager[None]]
) -> StoredRows | None:
    """Return the rows behind *client*; `None` where dlt keeps no state or rows cannot be found.

    Args:
        client: dlt's client of the dataset.
        lock: Keeps other writers out, where the destination takes one at a time.
    """
    if isinstance(client, FilesystemClient):
        return FileRows(client)
    if isinstance(client, SqlJobClientBase) and _keeps_state(client):
        return SqlRows(client, lock)
    return None


def _keeps_state(client: Any) -> bool:
    return isinstance(client, WithStateSync)
