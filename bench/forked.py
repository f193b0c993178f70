"""Runs a piece of work in a process of its own and returns what it found."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

BYTES_PER_KIB = 1024
# Linux counts in KiB, macOS in bytes
RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else BYTES_PER_KIB


class ChildError(Exception):
    """Raised when the process failed; the message is its traceback."""


def in_fork(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what *work* returns in a process forked from this one."""
    return _in_process("fork", work, arguments)


def in_fresh_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what *work* returns in a process that has imported nothing yet."""
    return _in_process("spawn", work, arguments)


def peak_bytes() -> int:
    """Return the most memory that this process has held at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT_BYTES


def _in_process(method: str, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        value, problem = ours.recv()
    except EOFError:
        value, problem = None, "it ended without a word"
    process.join()
    if problem:
        raise ChildError(problem)
    return value


def _report(connection: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        connection.send((work(*arguments), None))
    except Exception:
        connection.send((None, traceback.format_exc()))
