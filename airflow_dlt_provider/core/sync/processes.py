"""Starts the processes of loads, and hears what they say."""

from __future__ import annotations

import codecs
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from types import ModuleType

from airflow_dlt_provider.core.sync.child import (
    GROUP_SIGNALS,
    STOP_SIGNAL,
    Channels,
    LoadJob,
    run_job,
)
from airflow_dlt_provider.core.sync.messages import Failure, Message, Outcome, Printed

READ_BYTES = 65536

# a process that has imported dlt is forked for every load, which saves each the import; and none
# inherits threads or open databases of this one
_context = get_context("forkserver")


class LoadProcess:
    """The process of one load.

    Args:
        job: What it does.
    """

    def __init__(self, job: LoadJob) -> None:
        self.outcome: Outcome | None = None
        """How it ended, once it has."""
        self._told: Outcome | None = None
        self._started_at = time.monotonic()
        self._messages, messages = _context.Pipe(duplex=False)
        self._output = _Lines(is_error=False)
        self._errors = _Lines(is_error=True)
        channels = Channels(messages, self._output.writer, self._errors.writer)
        with _no_main_module(), _signals_of_parent_alone():
            _context.set_forkserver_preload([run_job.__module__])
            self._process = _context.Process(target=run_job, args=(job, channels))
            self._process.start()
        for connection in (messages, self._output.writer, self._errors.writer):
            connection.close()

    @property
    def sources(self) -> list[Connection | int]:
        """What to wait for."""
        readers = [self._messages, self._output.reader, self._errors.reader]
        return [*(item for item in readers if not item.closed), self._process.sentinel]

    def read(self) -> Iterator[Message]:
        """Yield what the process has said; `outcome` is set once it has ended."""
        is_over = not self._process.is_alive()
        for lines in (self._output, self._errors):
            yield from lines.read(to_end=is_over)
        while not self._messages.closed and self._messages.poll():
            try:
                message: Message = self._messages.recv()
            except (EOFError, OSError):
                self._messages.close()
                break
            if isinstance(message, Outcome):
                self._told = message
            else:
                yield message
        if is_over:
            self._end()

    def stop(self) -> None:
        """Let the process end, unless it has begun to write to the destination."""
        self._send(STOP_SIGNAL)

    def kill(self) -> None:
        """End the process, and all that user code has started in it."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        pid = self._process.pid
        if pid is None or not self._process.is_alive():
            return
        try:
            # it leads a group of its own, from its first moment on or a little later
            if number == signal.SIGKILL and os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)
        except ProcessLookupError:
            pass

    def _end(self) -> None:
        self._process.join()
        failure = Failure.of_crash(self._process.exitcode)
        seconds = time.monotonic() - self._started_at
        self.outcome = self._told or Outcome("failed", failure=failure, seconds=seconds)
        for connection in (self._messages, self._output.reader, self._errors.reader):
            connection.close()


class _Lines:
    """Reads whole lines from a pipe that a process writes to."""

    def __init__(self, *, is_error: bool) -> None:
        self.reader, self.writer = _context.Pipe(duplex=False)
        self._is_error = is_error
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._rest = ""

    def read(self, *, to_end: bool) -> Iterator[Printed]:
        while not self.reader.closed and self.reader.poll():
            data = os.read(self.reader.fileno(), READ_BYTES)
            if not data:
                self.reader.close()
            *lines, self._rest = (self._rest + self._decode(data)).split("\n")
            yield from (Printed(line, self._is_error) for line in lines)
            if not to_end:
                break
        if self._rest and (to_end or self.reader.closed):
            yield Printed(self._rest, self._is_error)
            self._rest = ""


@contextmanager
def _signals_of_parent_alone() -> Iterator[None]:
    """Let what is started meanwhile not be ended by signals that a whole group is sent.

    `timeout` and systemd send SIGTERM to every process; without the one that forks, loads could
    neither be heard nor ended. A load unblocks them for itself.
    """
    # Python starts this one with them, and unblocks them
    resource_tracker.ensure_running()
    former = signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


@contextmanager
def _no_main_module() -> Iterator[None]:
    """Keep the file of the running command from a process that would run it once more.

    That file may bring all of Airflow, and no load needs it.
    """
    former = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = former
