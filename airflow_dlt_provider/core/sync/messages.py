"""What the process of a load tells the one that started it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from airflow_dlt_provider.core.loading.result import LoadResult

Step = Literal["extract", "normalize", "load"]
Status = Literal["success", "skipped", "failed", "not run", "interrupted"]
"""`skipped`: the window has no part for the task; `not run`: what comes before it failed."""


@dataclass(frozen=True)
class Progress:
    """How far a load has come."""

    step: Step
    rows_by_table: Mapping[str, int] = field(default_factory=dict)
    """Rows that were extracted so far, by root table."""


@dataclass(frozen=True)
class Printed:
    """A line that user code, or dlt, has written."""

    line: str
    is_error: bool
    """Whether it went to standard error."""


@dataclass(frozen=True)
class Failure:
    """Why a task has failed."""

    message: str
    error_type: str = ""
    """Of the exception that was raised first."""
    traceback: str = ""
    is_crash: bool = False
    """Whether its process ended without a word."""

    @classmethod
    def of_crash(cls, exit_code: int | None) -> Failure:
        """Return the failure of a process that ended without a word."""
        if exit_code is None or exit_code >= 0:
            text = f"its process ended with exit code {exit_code}, and told no reason"
            return cls(text, is_crash=True)
        try:
            name = signal.Signals(-exit_code).name
        except ValueError:
            name = f"signal {-exit_code}"
        hint = "; the machine may have run out of memory" if name == "SIGKILL" else ""
        return cls(
            f"its process was ended by {name}{hint}. What it has left in the destination is taken "
            "out by the next load",
            is_crash=True,
        )


@dataclass(frozen=True)
class Outcome:
    """How a task ended."""

    status: Status
    result: LoadResult | None = None
    failure: Failure | None = None
    reason: str = ""
    """Why it was skipped, or not run."""
    seconds: float = 0.0


Message = Progress | Printed | Outcome
