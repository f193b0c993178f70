"""When the Dag of a declared source runs."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import airflow.sdk

from airflow_dlt_provider.core.registry.cron import AIRFLOW_CRONS, WITHOUT_TIMES
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.schedules_file import ScheduleEntry

OLD_TIMETABLES = "airflow.timetables.trigger"
"""Where they are before Airflow 3.2."""


def schedule_kwargs(source: DeclaredSource) -> dict[str, Any]:
    """Return the arguments of a Dag that say when it runs.

    The schedule of the source itself wins over those of `schedules.yml`, of which a source may
    have several.
    """
    airflow, schedules = source.entry.airflow, source.schedules
    if airflow.schedule or not schedules:
        return {"schedule": airflow.schedule, "start_date": _moment(airflow.start_date, "UTC")}
    minutes = [item.timeout_minutes for item in schedules if item.timeout_minutes]
    starts = [start for item in schedules if (start := _moment(item.start_date, item.timezone))]
    return {
        "schedule": _timetable(schedules),
        "start_date": _moment(airflow.start_date, "UTC") or min(starts, default=None),
        "dagrun_timeout": timedelta(minutes=max(minutes)) if minutes else None,
    }


def _timetable(schedules: Sequence[ScheduleEntry]) -> Any:
    timetables = _timetables()
    # by their names, Airflow would take them for those of UTC
    crons = list(dict.fromkeys(AIRFLOW_CRONS.get(item.cron, item.cron) for item in schedules))
    if len(crons) > 1:
        return timetables.MultipleCronTriggerTimetable(*crons, timezone=schedules[0].timezone)
    if crons[0] in WITHOUT_TIMES:
        return crons[0]
    return timetables.CronTriggerTimetable(crons[0], timezone=schedules[0].timezone)


def _timetables() -> Any:
    """Return the module of the timetables that a Dag file is given."""
    name = "airflow.sdk" if hasattr(airflow.sdk, "CronTriggerTimetable") else OLD_TIMETABLES
    return importlib.import_module(name)


def _moment(value: date | None, zone: str) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
