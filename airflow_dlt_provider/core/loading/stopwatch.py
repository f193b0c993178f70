"""Where a load's time went."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Seconds by step."""

    seconds_by_step: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, step: str) -> Iterator[None]:
        """Add the time of the block to *step*."""
        start = time.monotonic()
        try:
            yield
        finally:
            spent = self.seconds_by_step.get(step, 0.0) + time.monotonic() - start
            self.seconds_by_step[step] = round(spent, 3)
