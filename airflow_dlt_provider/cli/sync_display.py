"""Shows a sync while it runs: a line per table on a terminal, else a line per event."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import typer
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from airflow_dlt_provider.core.loading.report import counted_rows
from airflow_dlt_provider.core.sync.messages import Message, Outcome, Printed, Progress

LINE_SECONDS = 5.0
"""How often a line says how far a long load has come, where no terminal shows it."""

STATES = {"extract": "extracting", "normalize": "normalizing", "load": "loading"}
STYLES = {"success": "green", "failed": "red", "not run": "yellow", "interrupted": "yellow"}


@dataclass
class Shown:
    """What is shown of one task."""

    tables: tuple[str, ...]
    """Its root tables; more may come."""
    state: str = "waiting"
    rows: dict[str, int] = field(default_factory=dict)
    began_at: float | None = None
    outcome: Outcome | None = None
    told_at: float = 0.0

    @property
    def seconds(self) -> float | None:
        """How long it has been running, or had."""
        if self.outcome:
            return self.outcome.seconds
        return None if self.began_at is None else time.monotonic() - self.began_at

    def take(self, message: Message) -> None:
        """Take what a task has told."""
        if isinstance(message, Progress):
            self.state = STATES[message.step]
            self.rows = dict(message.rows_by_table)

    def end(self, outcome: Outcome) -> None:
        """Take how the task has ended."""
        self.outcome, self.state = outcome, outcome.status
        if outcome.result:
            self.rows = {load.table_name: load.root_rows for load in outcome.result.resources}


class Lines:
    """Writes a line for each event.

    Args:
        tables_by_task: Key of a task -> its root tables.
        is_quiet: Whether only what user code prints is written.
    """

    def __init__(self, tables_by_task: Mapping[str, tuple[str, ...]], *, is_quiet: bool) -> None:
        self._shown = {key: Shown(tables) for key, tables in tables_by_task.items()}
        self._is_quiet = is_quiet

    def started(self, key: str) -> None:
        """A task begins."""
        self._shown[key].told_at = time.monotonic()
        self._say(f"{key}: started")

    def told(self, key: str, message: Message) -> None:
        """The process of a task says something."""
        if isinstance(message, Printed):
            typer.echo(message.line, err=message.is_error)
            return
        task = self._shown[key]
        task.take(message)
        if time.monotonic() - task.told_at >= LINE_SECONDS:
            task.told_at = time.monotonic()
            self._say(f"{key}: {task.state}, {counted_rows(sum(task.rows.values()))} so far")

    def ended(self, key: str, outcome: Outcome) -> None:
        """A task has ended, or will not be run."""
        if outcome.status in ("success", "skipped"):
            reason = f", {outcome.reason}" if outcome.reason else ""
            shown = counted_rows(outcome.result.rows if outcome.result else 0)
            self._say(f"{key}: {outcome.status}, {shown}, {outcome.seconds:.1f} s{reason}")
        elif outcome.reason:
            self._say(f"{key}: {outcome.status}, {outcome.reason}")
        else:
            self._say(f"{key}: {outcome.status} after {outcome.seconds:.1f} s")

    def stopping(self) -> None:
        """The sync was interrupted."""
        typer.echo(STOPPING, err=True)

    def tick(self) -> None:
        """A part of a second has gone by."""

    def _say(self, line: str) -> None:
        if not self._is_quiet:
            typer.echo(line)


class LiveTable:
    """Shows all tables on a terminal, with what user code prints above them.

    Args:
        tables_by_task: Key of a task -> its root tables.
    """

    def __init__(self, tables_by_task: Mapping[str, tuple[str, ...]]) -> None:
        self._shown = {key: Shown(tables) for key, tables in tables_by_task.items()}
        self._console = Console(stderr=True, markup=False, emoji=False, highlight=False)
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> LiveTable:
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._live.stop()

    def started(self, key: str) -> None:
        """A task begins."""
        task = self._shown[key]
        task.state, task.began_at = "starting", time.monotonic()

    def told(self, key: str, message: Message) -> None:
        """The process of a task says something."""
        if isinstance(message, Printed):
            self._print(message)
        else:
            self._shown[key].take(message)

    def ended(self, key: str, outcome: Outcome) -> None:
        """A task has ended, or will not be run."""
        self._shown[key].end(outcome)

    def stopping(self) -> None:
        """The sync was interrupted."""
        self._console.print(STOPPING)

    def tick(self) -> None:
        """Show how far all have come."""
        self._live.update(self._table(), refresh=True)

    def _print(self, message: Printed) -> None:
        if sys.stdout.isatty() or message.is_error:
            self._console.print(message.line, soft_wrap=True)
        else:
            typer.echo(message.line)

    def _table(self) -> Table:
        table = Table(box=box.SIMPLE, pad_edge=False)
        for column in ("table", "state"):
            table.add_column(column, no_wrap=True)
        for column in ("rows", "seconds"):
            table.add_column(column, justify="right", no_wrap=True)
        room = max(self._console.height - 5, 1)
        lines = [
            (name, task.state, f"{task.rows.get(name, 0):,}" if task.rows else "", _spent(task))
            for task in self._by_interest()
            for name in dict.fromkeys((*task.tables, *task.rows))
        ]
        for line in lines[:room]:
            table.add_row(*line, style=STYLES.get(line[1]))
        if len(lines) > room:
            table.caption = f"and {len(lines) - room} more"
        return table

    def _by_interest(self) -> list[Shown]:
        """Return all tasks in their order; where there is no room, those first that run."""
        tasks = [*self._shown.values()]
        if len(tasks) <= self._console.height - 5:
            return tasks
        return sorted(tasks, key=lambda task: (task.outcome is not None, task.began_at is None))


def _spent(task: Shown) -> str:
    return "" if task.seconds is None else f"{task.seconds:.1f}"


STOPPING = (
    "Stopping. Loads that have begun to write are let go to their end; Ctrl-C once more ends them "
    "at once, and the next load takes out what they have left."
)
