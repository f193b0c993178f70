"""Tries of a task, each in a process that is forked from one with everything imported."""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 90
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Outcome:
    """How a child ended."""

    signal: int | None
    value: Any = None
    error: str | None = None
    """Name of the error's class."""
    text: str = ""
    """Message and traceback of the error, or the end of the child's log."""

    @property
    def is_killed(self) -> bool:
        return self.signal == signal.SIGKILL

    def checked(self) -> Any:
        """Return what the child returned.

        Raises:
            AssertionError: It did not return.
        """
        assert self.signal is None, f"the child was ended by signal {self.signal}:\n{self.text}"
        assert self.error is None, f"{self.error}:\n{self.text}"
        return self.value


class Child:
    """A process that calls *function* and keeps what it returns in *folder*."""

    def __init__(self, folder: Path, function: Callable[[], Any]) -> None:
        self._log = folder / f"child-{time.monotonic_ns()}.log"
        self._answer = self._log.with_suffix(".pickle")
        self.pid = os.fork()
        if self.pid == 0:
            _run_and_exit(function, self._log, self._answer)
        self._status: int | None = None

    def is_running(self) -> bool:
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = status if pid else None
        return self._status is None

    def send(self, number: int) -> None:
        if self.is_running():
            os.kill(self.pid, number)

    def wait(self, timeout_seconds: float = TIMEOUT_SECONDS) -> Outcome:
        """Wait for the end; a child that takes too long is ended with SIGABRT."""
        deadline = time.monotonic() + timeout_seconds
        while self.is_running():
            if time.monotonic() > deadline:
                self.send(signal.SIGABRT)
            time.sleep(POLL_SECONDS)
        assert self._status is not None
        number = os.WTERMSIG(self._status) if os.WIFSIGNALED(self._status) else None
        answer = {}
        with suppress(OSError):
            answer = pickle.loads(self._answer.read_bytes())  # noqa: S301 - our own child's
        if number is not None or not answer:
            return Outcome(number, error=None if number else "NoAnswer", text=self._tail())
        return Outcome(None, **answer)

    def _tail(self) -> str:
        with suppress(OSError):
            return self._log.read_text()[-3000:]
        return ""


def in_child(folder: Path, function: Callable[[], Any]) -> Outcome:
    """Call *function* in a child, and wait for it."""
    return Child(folder, function).wait()


def _run_and_exit(function: Callable[[], Any], log: Path, answer: Path) -> None:
    """Call *function* and leave, without what the parent would do at its own end."""
    # whatever happens, nothing of the parent's goes on in here
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            told = {"value": function()}
        except BaseException as error:
            told = {"error": type(error).__name__, "text": traceback.format_exc()[-6000:]}
        written = answer.with_suffix(".new")
        written.write_bytes(pickle.dumps(told))
        written.replace(answer)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def import_what_it_imports(folder: Path, function: Callable[[], Any]) -> None:
    """Import in this process what *function* imports, by calling it in a child.

    A child that is forked afterwards starts within milliseconds, and this process keeps no
    connection and no thread, which a fork would break.
    """

    def names() -> list[str]:
        known = set(sys.modules)
        function()
        return [name for name in sys.modules if name not in known]

    for name in in_child(folder, names).checked():
        with suppress(ImportError):
            importlib.import_module(name)
