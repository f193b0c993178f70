"""Where a load is cut off.

`arm` patches the process that calls it, which is a child that lives for one try. What happens at
the point is an action; by default the process is killed as by `kill -9`.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from dlt.common.destination.client import RunnableLoadJob
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.loading.extraction import Extraction
from airflow_dlt_provider.core.loading.ledger import Ledger
from airflow_dlt_provider.core.state.sql import SqlStateStore

Action = Callable[[], None]

PARENT = "orders"
CHILDREN = ("orders__lines", "orders__lines__serials")
STATE = "_dlt_pipeline_state"

_in_source: dict[str, Action] = {}


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)
    # the signal comes before anything else happens
    time.sleep(60)


def reached(point: str) -> None:
    """Take note that the source got to *point*."""
    action = _in_source.pop(point, None)
    if action:
        action()


def arm(point: str, action: Action = die) -> None:
    """Let *action* happen once, when this process gets to *point*, one of those below."""
    (POINTS | OTHER_POINTS)[point](action)


def _in_extract(action: Action) -> None:
    _in_source["in extract"] = action


def _before(owners: type | Iterable[type], name: str, action: Action) -> None:
    """Let *action* happen before the first call of a method."""
    remaining = [action]

    def wrapped(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if remaining:
                remaining.pop()()
            return method(*args, **kwargs)

        return wrapper

    for owner in _each(owners):
        setattr(owner, name, wrapped(getattr(owner, name)))


def _after(owners: type | Iterable[type], name: str, action: Action) -> None:
    """Let *action* happen after the first call of a method."""
    remaining = [action]

    def wrapped(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            result = method(*args, **kwargs)
            if remaining:
                remaining.pop()()
            return result

        return wrapper

    for owner in _each(owners):
        setattr(owner, name, wrapped(getattr(owner, name)))


def _each(owners: type | Iterable[type]) -> Iterable[type]:
    return [owners] if isinstance(owners, type) else owners


@dataclass
class Gate:
    """Lets some load jobs through, holds all others, and acts when the former are done."""

    action: Action
    tables: frozenset[str]
    is_follow_up: bool
    """Whether the jobs waited for are those that dlt makes after others, such as a merge."""
    is_noted: bool
    """Whether dlt has noted by then that the jobs are done."""
    held: frozenset[str] | None = None
    """Tables whose jobs wait; `None`: all others."""

    def __post_init__(self) -> None:
        self._missing = set(self.tables)
        self._open = threading.Event()
        self._lock = threading.Lock()

    def install(self) -> None:
        """Put the gate before dlt's load jobs."""
        run_managed, release = RunnableLoadJob.run_managed, RunnableLoadJob._release
        gate = self

        def run(job: RunnableLoadJob, *args: Any) -> None:
            if not gate._lets_through(job):
                gate._open.wait()
            run_managed(job, *args)

        def released(job: RunnableLoadJob, next_state: Any) -> None:
            # the job's connection is closed by now, and its rows are committed
            if gate.is_noted:
                release(job, next_state)
            if next_state == "completed" and gate._is_waited_for(job):
                gate._note_done(job)
            if not gate.is_noted:
                release(job, next_state)

        RunnableLoadJob.run_managed, RunnableLoadJob._release = run, released  # type: ignore[method-assign]

    def _lets_through(self, job: RunnableLoadJob) -> bool:
        table = job.job_file_info().table_name
        # what comes before a follow-up job has to be done first
        is_before = self.is_follow_up and table != STATE
        is_not_held = self.held is not None and table not in self.held
        return is_before or is_not_held or self._is_waited_for(job)

    def _is_waited_for(self, job: RunnableLoadJob) -> bool:
        file = job.job_file_info()
        is_follow_up = file.file_format in ("sql", "reference")
        return file.table_name in self.tables and is_follow_up == self.is_follow_up

    def _note_done(self, job: RunnableLoadJob) -> None:
        with self._lock:
            self._missing.discard(job.job_file_info().table_name)
            if self._missing or self._open.is_set():
                return
            self.action()
            self._open.set()


def _gate(
    tables: Iterable[str],
    *,
    is_noted: bool = False,
    is_follow_up: bool = False,
    held: Iterable[str] | None = None,
) -> Callable[[Action], None]:
    held_tables = None if held is None else frozenset(held)
    return lambda action: Gate(
        action, frozenset(tables), is_follow_up, is_noted, held_tables
    ).install()


_CLIENTS = (SqlJobClientBase, FilesystemClient)

POINTS: dict[str, Callable[[Action], None]] = {
    "in extract": _in_extract,
    "extracted, not noted": partial(_before, Extraction, "write"),
    "extracted": partial(_before, Pipeline, "normalize"),
    "normalized, not noted": partial(_after, Pipeline, "normalize"),
    "before begin": partial(_before, Ledger, "begin"),
    "after begin": partial(_after, Ledger, "begin"),
    "before the first job": partial(_before, RunnableLoadJob, "run_managed"),
    "state only": _gate([STATE]),
    "parent only": _gate([PARENT]),
    "parent only, noted": _gate([PARENT], is_noted=True),
    "children only": _gate(CHILDREN),
    "children only, noted": _gate(CHILDREN, is_noted=True),
    "merged": _gate([PARENT], is_follow_up=True),
    "merged, noted": _gate([PARENT], is_noted=True, is_follow_up=True),
    "all rows": partial(_before, _CLIENTS, "complete_load"),
    "state file": partial(_before, FilesystemClient, "_store_load"),
    "dlt done": partial(_after, _CLIENTS, "complete_load"),
    "ledger not told": partial(_before, SqlStateStore, "record_loads"),
    "ledger half told": partial(_after, SqlStateStore, "record_loads"),
}
"""Kill points, in the order in which a load gets to them."""

OTHER_POINTS: dict[str, Callable[[Action], None]] = {
    "second parent only": _gate(["returns"], held=["returns__lines", "returns__lines__serials"]),
}
"""Kill points in a task of two sources; `dlt done` there is the end of the first of them."""
