"""The models of `schedules.yml`: schedules of several sources, apart from them."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from airflow_dlt_provider.core.registry.explanations import mistake_at
from airflow_dlt_provider.core.registry.field_types import Moment, Schedule, source_name
from airflow_dlt_provider.core.source_options import Options


def _schedule_name(value: str) -> str:
    if source_name(value) != value:
        raise ValueError(f"is {value!r}; write it in lower case: {value.lower()!r}")
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError(
            f"is {value!r:.60}, which is no time zone; write one such as UTC or Europe/Berlin"
        ) from None
    return value


class ScheduleEntry(Options):
    """One schedule."""

    name: Annotated[str, AfterValidator(_schedule_name)]
    """Lower case; of each schedule its own."""
    type: Literal["sync", "sync_only", "dbt", "script"] = "sync"
    """`dbt` and `script` are left out, with a warning."""
    cron: Schedule
    """A cron expression of five parts, or a preset such as `every_6h`, `daily`, `weekly`."""
    sources: list[str] = Field(default_factory=list)
    """Names of the sources that run then."""
    enabled: bool = True
    """Whether it counts."""
    timezone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    """In which the cron expression is read."""
    start_date: Moment | None = None
    """A date or a point in time, in the time zone of the schedule."""
    misfire_grace_time: Annotated[int, Field(gt=0)] | None = None
    timeout_minutes: Annotated[int, Field(gt=0)] | None = None
    """Longest time of a run."""
    notify_on: list[Literal["failure", "success", "stale"]] = Field(default_factory=list)
    dbt_command: str | None = None
    script_path: str | None = None

    @model_validator(mode="after")
    def _check_sources(self) -> ScheduleEntry:
        if self.type in ("sync", "sync_only") and not self.sources:
            raise mistake_at("sources", "names no source; name at least one")
        for key, kind in (("dbt_command", "dbt"), ("script_path", "script")):
            if getattr(self, key) is not None and self.type != kind:
                raise mistake_at(key, f"is for type {kind}, and this one is of type {self.type}")
        return self


class SchedulesFile(Options):
    """The file `schedules.yml`."""

    schedules: list[ScheduleEntry] = Field(default_factory=list)
    """Of sources without a schedule of their own."""
