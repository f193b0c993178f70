"""Progress of a load, one line at a time."""

from __future__ import annotations

import logging

from dlt.common.runtime.collector import LogCollector

PERIOD_SECONDS = 5.0

log = logging.getLogger(__name__)


class ProgressLog(LogCollector):
    """dlt's collector for logs, with all counters of a step in one line.

    A line is written every five seconds and at the end of a step, so that a short step is one
    line and a task log stays readable.
    """

    def __init__(self) -> None:
        super().__init__(PERIOD_SECONDS, log, dump_system_stats=False)

    def _start(self, step: str) -> None:
        super()._start(step)
        # nothing has been counted yet; dlt would write that down at once
        self.last_log_time = self._clock()

    def dump_counters(self) -> None:
        """Write the counters of the running step."""
        shown = [name for name in self.counters if not name.startswith("_dlt")]
        is_state_alone = len(shown) == 1 and len(self.counters) > 1
        if shown and not is_state_alone:
            described = (self._described(name, self.counters[name]) for name in shown)
            log.info("%s: %s", self.step, ", ".join(described))

    def _described(self, name: str, count: int) -> str:
        info = self.counter_info[name]
        total = f"/{info.total:,}" if info.total else ""
        message = f" ({self.messages[name]})" if self.messages[name] else ""
        return f"{info.description} {count:,}{total}{message}"
