"""A state store in any database that SQLAlchemy can reach."""

from __future__ import annotations

import json
from pathlib import Path

from filelock import FileLock
from sqlalchemy import (
    Column,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    make_url,
    select,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from airflow_dlt_provider.core.state.store import LoadRecord, StateStore

BUSY_TIMEOUT_SECONDS = 60

_metadata = MetaData()

_loads = Table(
    "dlt_resource_load",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("pipeline_name", String(250), nullable=False),
    Column("resource_name", String(250), nullable=False),
    Column("recorded_at", Float, nullable=False),
    Column("record", Text, nullable=False),
)
_by_resource = Index(
    "dlt_resource_load_by_resource", _loads.c.pipeline_name, _loads.c.resource_name, _loads.c.id
)


class SqlStateStore(StateStore):
    """Keeps records in a table, `dlt_resource_load`, which it creates.

    Args:
        url: A SQLAlchemy URL, for example `sqlite:////data/dlt_state.db`.
    """

    def __init__(self, url: str) -> None:
        self._engine = _create_engine(url)
        path = _sqlite_path(url)
        if path is None:
            _create_tables(self._engine)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite does not wait for others while it changes to a write-ahead log, with which
        # tasks that record at the same moment wait instead of failing
        with FileLock(f"{path}.lock"), self._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            _create_tables(self._engine)

    def record_load(self, record: LoadRecord) -> None:
        """Keep *record*."""
        with self._engine.begin() as connection:
            connection.execute(
                _loads.insert().values(
                    pipeline_name=record.pipeline_name,
                    resource_name=record.resource_name,
                    recorded_at=record.recorded_at,
                    record=json.dumps(record.to_dict()),
                )
            )

    def list_loads(
        self, pipeline_name: str, resource_name: str, limit: int = 20
    ) -> list[LoadRecord]:
        """Return the last *limit* loads of one resource, the newest first."""
        newest_first = (
            select(_loads.c.record)
            .where(_loads.c.pipeline_name == pipeline_name, _loads.c.resource_name == resource_name)
            .order_by(_loads.c.id.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(newest_first).scalars().all()
        return [LoadRecord.from_dict(json.loads(row)) for row in rows]

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _create_engine(url: str) -> Engine:
    if _sqlite_path(url):
        return create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
    return create_engine(url, pool_pre_ping=True)


def _sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite URL; `None` for another database, or one in memory."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, ":memory:")
    return Path(parsed.database or "") if is_file else None


def _create_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(CreateTable(_loads, if_not_exists=True))
        connection.execute(CreateIndex(_by_resource, if_not_exists=True))
