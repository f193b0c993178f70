"""Who may write when: one writer to a local database file, one load of a pipeline at a time.

DuckDB and SQLite let one process open a file for writing. dlt opens it in `sync_destination` and
in `load`, never in between (measured: six processes on one DuckDB file, one succeeds without a
lock, six with it), so only these two steps are locked and tables are still extracted in parallel.

Two loads of one pipeline at once would start from one cursor and load the same rows twice. They
meet where both write: at a file beside a local destination, or at PostgreSQL's advisory locks.
Every lock is let go by the operating system, or by the database, when its holder dies. Other
destinations have no lock, and a connection to PostgreSQL may be lost with its lock: there a load
looks once more, before its first row, whether another one came first.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from airflow_dlt_provider.core.errors import LockTimeoutError

if TYPE_CHECKING:
    from dlt.common.destination.client import JobClientBase

POLL_SECONDS = 0.5
APPLICATION_NAME_LENGTH = 63
"""PostgreSQL cuts `application_name` there."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Waiting:
    """Who waits for locks, and for how long."""

    holder: str
    """Shown to others who wait meanwhile."""
    timeout_seconds: float


class WriterLock:
    """The right to write to a file that takes one writer at a time.

    The lock is a file beside it. Whoever holds it may take it again.

    Args:
        path: The file; `None` locks nothing.
        waiting: Who waits, and for how long.
    """

    def __init__(self, path: Path | None, waiting: Waiting) -> None:
        self._path = path
        self._waiting = waiting
        self._is_held = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            LockTimeoutError: Another process kept it for too long.
        """
        if self._path is None or self._is_held:
            yield
            return
        what = f"the right to write to {self._path.name}"
        with _file_lock(Path(f"{self._path}.lock"), what, self._waiting):
            self._is_held = True
            try:
                yield
            finally:
                self._is_held = False


@contextmanager
def load_lock(client: JobClientBase, pipeline_name: str, waiting: Waiting) -> Iterator[bool]:
    """Keep other loads of *pipeline_name* into the same dataset out, where the destination can.

    Yields:
        Whether the lock holds for certain, until it is let go.

    Raises:
        LockTimeoutError: Another load took too long.
    """
    what = f"the load of pipeline {pipeline_name!r}"
    folder = _local_folder(client)
    if folder is not None:
        with _file_lock(folder / f"{pipeline_name}.lock", what, waiting):
            yield True
    elif _speaks_postgres(client):
        with _advisory_lock(client, pipeline_name, what, waiting):
            # who loses the connection loses the lock, and is not told
            yield False
    else:
        yield False


def single_writer_path(client: JobClientBase) -> Path | None:
    """Return the file of a destination that one process at a time may open, or `None`."""
    credentials = getattr(client.config, "credentials", None)
    drivername = str(getattr(credentials, "drivername", "")).partition("+")[0]
    database = getattr(credentials, "database", None)
    if drivername not in ("duckdb", "sqlite") or not database or database.startswith(":"):
        return None
    return Path(database)


def _local_folder(client: Any) -> Path | None:
    """Return a folder for locks beside a destination on a local disk, or `None`."""
    path = single_writer_path(client)
    if path is not None:
        return Path(f"{path}.locks")
    if getattr(client, "is_local_filesystem", False):
        # beside the dataset, which holds what users read
        dataset = Path(client.dataset_path)
        return dataset.with_name(f"{dataset.name}.locks")
    return None


def _speaks_postgres(client: Any) -> bool:
    return getattr(client.config, "destination_type", None) == "postgres"


@contextmanager
def _file_lock(path: Path, what: str, waiting: Waiting) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    note = path.with_suffix(".holder")
    started = time.monotonic()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("Waiting for %s, held by %s", what, _read(note) or "another load")
        try:
            lock.acquire(timeout=waiting.timeout_seconds)
        except Timeout:
            raise LockTimeoutError(what, waiting.timeout_seconds, _read(note)) from None
        log.info("Waited %.1f seconds for %s", time.monotonic() - started, what)
    try:
        note.write_text(waiting.holder)
        yield
    finally:
        lock.release()


def _read(note: Path) -> str | None:
    try:
        return note.read_text()
    except OSError:
        return None


@contextmanager
def _advisory_lock(client: Any, pipeline_name: str, what: str, waiting: Waiting) -> Iterator[None]:
    """Hold a lock of PostgreSQL's that ends with the connection, which is this lock's own."""
    connection = client.sql_client
    key = _advisory_key(f"{connection.dataset_name}/{pipeline_name}")
    with connection:
        connection.execute_sql(
            "SELECT set_config('application_name', %s, false)",
            waiting.holder[:APPLICATION_NAME_LENGTH],
        )

        def is_taken() -> bool:
            rows = connection.execute_sql("SELECT pg_try_advisory_lock(%s)", key)
            return bool(rows and rows[0][0])

        if not is_taken():
            holder = _advisory_holder(connection, key)
            log.info("Waiting for %s, held by %s", what, holder or "another load")
            _wait_until(is_taken, what, waiting, lambda: _advisory_holder(connection, key))
        yield


def _wait_until(
    is_taken: Callable[[], bool], what: str, waiting: Waiting, holder: Callable[[], str | None]
) -> None:
    started = time.monotonic()
    retrying = Retrying(
        stop=stop_after_delay(waiting.timeout_seconds),
        wait=wait_fixed(POLL_SECONDS),
        retry=retry_if_result(lambda taken: not taken),
    )
    try:
        retrying(is_taken)
    except RetryError:
        raise LockTimeoutError(what, waiting.timeout_seconds, holder()) from None
    log.info("Waited %.1f seconds for %s", time.monotonic() - started, what)


def _advisory_key(name: str) -> int:
    """Return the number, of 63 bits, by which PostgreSQL knows the lock."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1


def _advisory_holder(connection: Any, key: int) -> str | None:
    rows = connection.execute_sql(
        "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND l.classid::bigint = %s AND l.objid::bigint = %s",
        key >> 32,
        key & 0xFFFFFFFF,
    )
    return str(rows[0][0]) if rows else None
