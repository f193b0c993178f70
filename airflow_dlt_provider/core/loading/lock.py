"""One writer at a time, for destinations that take no more.

DuckDB and SQLite let one process open a file for writing. dlt opens it in `sync_destination` and
in `load`, never in between (measured: six processes on one DuckDB file, one succeeds without a
lock, six with it), so only these two steps are locked and tables are still extracted in parallel.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from dlt.common.destination.client import JobClientBase

log = logging.getLogger(__name__)


@contextmanager
def writer_lock(path: Path | None) -> Iterator[None]:
    """Keep *path* to this process; `None` locks nothing.

    The lock is a file beside *path*. It is let go by the operating system when its holder dies.
    """
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("Another task writes to %s; waiting for it", path.name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def single_writer_path(client: JobClientBase) -> Path | None:
    """Return the file of a destination that one process at a time may open, or `None`."""
    credentials = getattr(client.config, "credentials", None)
    drivername = str(getattr(credentials, "drivername", "")).partition("+")[0]
    database = getattr(credentials, "database", None)
    if drivername not in ("duckdb", "sqlite") or not database or database.startswith(":"):
        return None
    return Path(database)
