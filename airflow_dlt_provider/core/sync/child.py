"""The process of one load: it loads, and says how far it has come and how it ended."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from types import FrameType
from typing import TextIO

from dlt.common.runtime.collector_base import Collector

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.problem import chain_of
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.store import StateStore
from airflow_dlt_provider.core.sync.messages import Failure, Message, Outcome, Progress, Step

STOP_SIGNAL = signal.SIGUSR1
"""Asks a load to end before it writes; dlt takes others for itself."""

GROUP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""What a shell or a service manager sends to all processes of a command."""

PERIOD_SECONDS = 0.1
STEPS: Mapping[str, Step] = {"Extract": "extract", "Normalize": "normalize", "Load": "load"}


@dataclass(frozen=True)
class LoadJob:
    """All that the process of a load is told."""

    request: LoadRequest
    open_store: Callable[[], StateStore]
    environment: Mapping[str, str]
    """Its environment variables; what user code of other loads does to theirs is not in it."""
    is_debugged: bool = False
    """Whether the core's log is written to standard error."""


@dataclass(frozen=True)
class Channels:
    """The ends of the pipes to the process that started this one."""

    messages: Connection
    output: Connection
    errors: Connection


class ProgressMessages(Collector):
    """Tells how many rows were extracted, and which of dlt's steps is running."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self.step = ""
        self.is_writing = False
        self._send = send
        self._running: Step = "extract"
        self._rows: Counter[str] = Counter()
        self._sent_at = 0.0

    def update(
        self,
        name: str,
        inc: int = 1,
        total: int | None = None,
        inc_total: int | None = None,
        message: str | None = None,
        label: str | None = None,
    ) -> None:
        """Count; all that is no table is dlt's own."""
        if self._running != "extract" or name == "Resources" or name.startswith("_dlt"):
            return
        self._rows[name] += inc
        if time.monotonic() - self._sent_at >= PERIOD_SECONDS:
            self._tell()

    def _start(self, step: str) -> None:
        self._running = STEPS.get(step.partition(" ")[0], self._running)
        self.is_writing = self.is_writing or self._running == "load"
        self._tell()

    def _stop(self) -> None:
        self._tell()

    def _tell(self) -> None:
        self._sent_at = time.monotonic()
        self._send(Progress(self._running, dict(self._rows)))


def run_job(job: LoadJob, channels: Channels) -> None:
    """Do *job*; this is all that its process does.

    A signal `STOP_SIGNAL` ends it as long as nothing is written to the destination. Once a load
    has begun to write, it goes on to its end, so that nothing half is left there.
    """
    _separate(job, channels)
    progress = ProgressMessages(lambda message: _tell(channels, message))

    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # asked once more, it would not get to its end
        if not progress.is_writing and not stopped.is_set():
            stopped.set()
            raise KeyboardInterrupt

    signal.signal(STOP_SIGNAL, stop)
    started = time.monotonic()
    try:
        outcome = _load(job, progress)
    except BaseException as error:
        # also `sys.exit()` of user code; dlt makes an error of its own of an interrupt
        failed = Outcome("failed", failure=_failure(error))
        outcome = Outcome("interrupted") if stopped.is_set() else failed
    signal.signal(STOP_SIGNAL, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    _tell(channels, replace(outcome, seconds=time.monotonic() - started))
    # threads that user code has left behind are not waited for
    os._exit(0)


def _load(job: LoadJob, progress: ProgressMessages) -> Outcome:
    with contextlib.closing(job.open_store()) as store:
        result = load_task(job.request, store, progress)
    if not result.resources and result.skipped:
        reasons = (f"{name}: {reason}" for name, reason in result.skipped.items())
        return Outcome("skipped", result, reason="; ".join(reasons))
    return Outcome("success", result)


def _separate(job: LoadJob, channels: Channels) -> None:
    """Let this process have a terminal, an environment and output of its own."""
    # Ctrl-C is for who started this; dlt would stop in the middle of a load
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)
    os.environ.clear()
    os.environ.update(job.environment)
    for number, connection in ((1, channels.output), (2, channels.errors)):
        os.dup2(connection.fileno(), number)
        connection.close()
    sys.stdout, sys.stderr = _text_stream(1), _text_stream(2)
    if job.is_debugged:
        logging.basicConfig(format="%(name)s: %(message)s", stream=sys.stderr)
        logging.getLogger("airflow_dlt_provider").setLevel(logging.INFO)


def _text_stream(number: int) -> TextIO:
    # line by line, so that what several processes print stays readable
    return open(number, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _tell(channels: Channels, message: Message) -> None:
    try:
        channels.messages.send(message)
    except BrokenPipeError:
        # who started this is gone; what is being written is brought to its end even so
        signal.raise_signal(STOP_SIGNAL)


def _failure(error: BaseException) -> Failure:
    *_, first = chain_of(error)
    text = "".join(traceback.format_exception(error))
    return Failure(str(error) or repr(error), type(first).__name__, text)
