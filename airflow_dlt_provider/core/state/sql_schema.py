"""The tables of the SQL state store, how they are made, and how a database is reached."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from filelock import FileLock
from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    cast,
    create_engine,
    func,
    inspect,
    literal,
    select,
)
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateColumn
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

SCHEMA_VERSION = 1
BUSY_TIMEOUT_SECONDS = 60
LOCK_POLL_SECONDS = 0.01
POSTGRES_DRIVERS = ("psycopg2", "psycopg", "pg8000")
_UPGRADE_LOCK = 0x646C74
"""Number of the advisory lock in PostgreSQL; any that nobody else uses."""

metadata = MetaData()

versions = Table(
    "dlt_state_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
)

loads = Table(
    "dlt_resource_load",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("pipeline_name", String(250), nullable=False),
    Column("resource_name", String(250), nullable=False),
    Column("recorded_at", Float, nullable=False),
    Column("record", Text, nullable=False),
    # last, and nullable, as tables of an older version got it later
    Column("record_id", String(64), nullable=True),
    Index("dlt_resource_load_by_resource", "pipeline_name", "resource_name", "id"),
)
_loads_by_record = Index("dlt_resource_load_by_record", loads.c.record_id, unique=True)

resource_states = Table(
    "dlt_resource_state",
    metadata,
    Column("pipeline_name", String(250), primary_key=True),
    Column("resource_name", String(250), primary_key=True),
    Column("updated_at", Float, nullable=False),
    Column("record", Text, nullable=False),
)

source_states = Table(
    "dlt_source_state",
    metadata,
    Column("pipeline_name", String(250), primary_key=True),
    Column("source_name", String(250), primary_key=True),
    Column("updated_at", Float, nullable=False),
    Column("record", Text, nullable=False),
)

requests = Table(
    "dlt_state_request",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("pipeline_name", String(250), nullable=False),
    Column("resource_name", String(250), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("record", Text, nullable=False),
    Index("dlt_state_request_by_resource", "pipeline_name", "resource_name", "id"),
)


def parse_url(text: str) -> URL:
    """Return the URL, for PostgreSQL with a driver that is installed.

    Raises:
        sqlalchemy.exc.ArgumentError, ValueError: It is none. Their messages may quote a password.
    """
    url = make_url(text)
    if url.drivername not in ("postgres", "postgresql"):
        return url
    # SQLAlchemy 2.1 takes psycopg 3 unless it is told, which need not be there
    installed = (name for name in POSTGRES_DRIVERS if importlib.util.find_spec(name))
    return url.set(drivername=f"postgresql+{next(installed, POSTGRES_DRIVERS[0])}")


def open_engine(url: URL) -> Engine:
    """Return an engine that holds no connection between two uses.

    A load takes hours at times, and a server has few connections.
    """
    arguments = {"timeout": BUSY_TIMEOUT_SECONDS} if url.get_backend_name() == "sqlite" else {}
    return create_engine(
        url, future=True, connect_args=arguments, poolclass=NullPool, hide_parameters=True
    )


def sqlite_path(url: URL) -> Path | None:
    """Return the file of a SQLite URL; `None` for another database."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def missing_sqlite_file(text: str) -> Path | None:
    """Return the file of a SQLite URL if it does not exist: looking must not make one.

    Of all else `None` is returned, also of what is no URL: the store itself says what is wrong.
    """
    try:
        path = sqlite_path(parse_url(text))
    except (ArgumentError, ValueError):
        return None
    if path is None or path.name in ("", ":memory:") or str(path).startswith("file:"):
        return None
    return None if path.is_file() else path


def ensure_tables(engine: Engine) -> None:
    """Make the tables, or bring those of an older version up to date; several may at once.

    Where there is nothing to do, it is one query.
    """
    path = sqlite_path(engine.url)
    if path is None:
        with engine.connect() as connection:
            is_current = _is_current(connection)
        if not is_current:
            with engine.begin() as connection:
                _upgrade(connection)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with engine.connect() as connection:
        if _is_current(connection):
            return
    lock = FileLock(f"{path}.lock")
    with lock.acquire(poll_interval=LOCK_POLL_SECONDS), engine.connect() as connection:
        # whoever held the lock has most likely done it
        if not _is_current(connection):
            _write_ahead(connection)
            with connection.begin():
                _upgrade(connection)


def _is_current(connection: Connection) -> bool:
    try:
        version = connection.execute(select(func.max(versions.c.version))).scalar()
    except (OperationalError, ProgrammingError):
        # there is no such table; what else it may be shows when the table is made
        return False
    finally:
        connection.rollback()
    return (version or 0) >= SCHEMA_VERSION


def _write_ahead(connection: Connection) -> None:
    """Let tasks that write at the same moment wait for each other instead of failing."""
    # while it changes to a write-ahead log, SQLite waits for nobody, whatever its timeout
    for attempt in Retrying(
        retry=retry_if_exception_type(OperationalError),
        stop=stop_after_delay(BUSY_TIMEOUT_SECONDS),
        wait=wait_random(0, 0.1),
        reraise=True,
    ):
        with attempt:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.rollback()


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
    metadata.create_all(connection)
    if "record_id" not in {item["name"] for item in inspect(connection).get_columns(loads.name)}:
        _add_record_ids(connection)
    version = connection.execute(select(func.max(versions.c.version))).scalar() or 0
    if version < SCHEMA_VERSION:
        # last, as whoever reads it relies on the rest
        connection.execute(versions.insert().values(version=SCHEMA_VERSION))


def _add_record_ids(connection: Connection) -> None:
    """Bring the table of version 0.1 up to date, in which records had no name."""
    column = CreateColumn(loads.c.record_id).compile(dialect=connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE {loads.name} ADD COLUMN {column}")
    name = literal("load_") + cast(loads.c.id, String(64))
    connection.execute(loads.update().where(loads.c.record_id.is_(None)).values(record_id=name))
    _loads_by_record.create(connection)


def describe_sql_problem(error: Exception) -> str:
    """Say in one line what is wrong, without the statement and its values."""
    original = getattr(error, "orig", None) or error
    text = " ".join(str(original).split())
    if isinstance(error, SQLAlchemyError) and "(Background on this error" in text:
        text = text.partition("(Background on this error")[0].strip()
    return f"{type(original).__name__}: {text}"
