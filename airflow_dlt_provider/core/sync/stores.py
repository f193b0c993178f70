"""The state store of a sync."""

from __future__ import annotations

from airflow_dlt_provider.core.state.store import StateStore


def open_or_make_store(url: str) -> StateStore:
    """Open the state store in a database, and make it if it is not there.

    Raises:
        StateStoreError: It cannot be reached.
    """
    from airflow_dlt_provider.core.state.sql import SqlStateStore
    from airflow_dlt_provider.core.state.sql_schema import missing_sqlite_file

    if path := missing_sqlite_file(url):
        path.parent.mkdir(parents=True, exist_ok=True)
    return SqlStateStore(url)
