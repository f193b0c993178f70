"""The ticks of a Dag's schedule, as its timetable has them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG
from airflow.timetables.base import DataInterval, TimeRestriction

LOOK_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=3700))
"""How far back the tick before another is looked for, in turns: minutes come before years."""


def tick_before(dag: DAG, tick: pendulum.DateTime) -> pendulum.DateTime | None:
    """Return the tick of a Dag's schedule before another; `None` where there is none."""
    schedule = _Schedule(dag)
    for span in LOOK_BACK:
        ticks = [moment for moment in schedule.ticks(tick - span, tick) if moment < tick]
        # a schedule of a fixed length takes any moment for its first tick
        if ticks and schedule.next_tick(ticks[-1]) == tick:
            return ticks[-1]
    following = schedule.next_tick(tick)
    if following and schedule.next_tick(tick - (following - tick)) == tick:
        return tick - (following - tick)
    return None


class _Schedule:
    """The ticks of a Dag, as its timetable has them."""

    def __init__(self, dag: DAG) -> None:
        self._timetable: Any = dag.timetable
        try:
            # from Airflow 3.2 on, a Dag file has descriptions of timetables
            from airflow.serialization.encoders import coerce_to_core_timetable

            self._timetable = coerce_to_core_timetable(dag.timetable)
        except ImportError:
            pass

    def next_tick(self, tick: pendulum.DateTime) -> pendulum.DateTime | None:
        """Return the tick after another."""
        return self._next(tick, TimeRestriction(tick, None, catchup=True))

    def ticks(
        self, earliest: pendulum.DateTime, latest: pendulum.DateTime
    ) -> Iterator[pendulum.DateTime]:
        """Return the ticks between two moments, both included."""
        tick = None
        while tick := self._next(tick, TimeRestriction(earliest, latest, catchup=True)):
            yield tick

    def _next(
        self, tick: pendulum.DateTime | None, restriction: TimeRestriction
    ) -> pendulum.DateTime | None:
        info = self._timetable.next_dagrun_info(
            last_automated_data_interval=None if tick is None else DataInterval.exact(tick),
            restriction=restriction,
        )
        return None if info is None else info.logical_date
