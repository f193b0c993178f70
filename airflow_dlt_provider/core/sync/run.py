"""Runs the loads of a sync: several at once, each in a process of its own, in the order asked."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from types import FrameType
from typing import Protocol

from airflow_dlt_provider.core.sync.child import GROUP_SIGNALS, LoadJob
from airflow_dlt_provider.core.sync.messages import Message, Outcome
from airflow_dlt_provider.core.sync.processes import LoadProcess

TICK_SECONDS = 0.1
GOOD = ("success", "skipped")


@dataclass(frozen=True)
class SyncTask:
    """One load of a sync."""

    key: str
    """Tells it from all others of the sync."""
    job: LoadJob
    after: tuple[str, ...] = ()
    """Keys of the tasks that must have succeeded."""


class SyncListener(Protocol):
    """Is told what happens while it happens."""

    def started(self, key: str) -> None:
        """A task begins."""

    def told(self, key: str, message: Message) -> None:
        """The process of a task says something."""

    def ended(self, key: str, outcome: Outcome) -> None:
        """A task has ended, or will not be run."""

    def stopping(self) -> None:
        """The sync was interrupted, and waits for loads that have begun to write."""

    def tick(self) -> None:
        """A part of a second has gone by."""


def run_tasks(
    tasks: Sequence[SyncTask], workers: int, listener: SyncListener
) -> Mapping[str, Outcome]:
    """Run all tasks, and return how each ended, in the order of *tasks*.

    A task that fails stops none but those that come after it. After Ctrl-C, or SIGTERM, nothing
    new begins, and what writes to the destination is let go to its end; a second one ends all.

    Args:
        tasks: What is to be run.
        workers: How many at once, at most.
        listener: Is told what happens.
    """
    with _counted_interrupts() as interrupts:
        run = _Run({task.key: task for task in tasks}, workers, listener, interrupts)
        run.run()
    return {task.key: run.outcomes[task.key] for task in tasks}


@dataclass
class _Interrupts:
    count: int = 0


@dataclass
class _Run:
    waiting: dict[str, SyncTask]
    workers: int
    listener: SyncListener
    interrupts: _Interrupts
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _running: dict[str, LoadProcess] = field(default_factory=dict)
    _is_stopping: bool = False

    def run(self) -> None:
        try:
            while self.waiting or self._running:
                self._obey()
                self._drop_those_in_vain()
                self._start()
                self._serve()
                self.listener.tick()
        finally:
            for process in self._running.values():
                process.kill()

    def _obey(self) -> None:
        if self.interrupts.count == 0:
            return
        for key in [*self.waiting]:
            del self.waiting[key]
            self._end(key, Outcome("interrupted"))
        if not self._is_stopping:
            self._is_stopping = True
            self.listener.stopping()
        for process in self._running.values():
            # a process that has only just been started may not listen yet, so it is told again
            process.kill() if self.interrupts.count > 1 else process.stop()

    def _drop_those_in_vain(self) -> None:
        for key, task in [*self.waiting.items()]:
            ended = {
                name: self.outcomes[name].status for name in task.after if name in self.outcomes
            }
            bad = [name for name, status in ended.items() if status not in GOOD]
            if bad:
                del self.waiting[key]
                reason = f"it comes after {', '.join(bad)}"
                self._end(key, Outcome("not run", reason=reason))

    def _start(self) -> None:
        for key, task in [*self.waiting.items()]:
            if len(self._running) >= self.workers:
                return
            if all(name in self.outcomes for name in task.after):
                del self.waiting[key]
                self.listener.started(key)
                self._running[key] = LoadProcess(task.job)

    def _serve(self) -> None:
        sources = [source for process in self._running.values() for source in process.sources]
        if sources:
            wait(sources, TICK_SECONDS)
        for key, process in [*self._running.items()]:
            for message in process.read():
                self.listener.told(key, message)
            if outcome := process.outcome:
                del self._running[key]
                is_cut_off = outcome.failure is not None and outcome.failure.is_crash
                if self._is_stopping and is_cut_off:
                    outcome = Outcome("interrupted", seconds=outcome.seconds)
                self._end(key, outcome)

    def _end(self, key: str, outcome: Outcome) -> None:
        self.outcomes[key] = outcome
        self.listener.ended(key, outcome)


@contextmanager
def _counted_interrupts() -> Iterator[_Interrupts]:
    """Count Ctrl-C and the like, which would cut off whatever this process is at."""
    interrupts = _Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return

    def count(_signal: int, _frame: FrameType | None) -> None:
        interrupts.count += 1

    numbers = (signal.SIGINT, *GROUP_SIGNALS)
    former = {number: signal.signal(number, count) for number in numbers}
    try:
        yield interrupts
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
