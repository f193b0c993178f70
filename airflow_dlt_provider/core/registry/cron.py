"""Schedules as text: presets, and cron expressions."""

from __future__ import annotations

from croniter import croniter

from airflow_dlt_provider.core.errors import closest

PRESETS = {
    "every_15m": "*/15 * * * *",
    "every_hour": "0 * * * *",
    "every_6h": "0 */6 * * *",
    "daily": "0 6 * * *",
    "weekly": "0 6 * * 1",
}
"""Dango's names of schedules."""

AIRFLOW_PRESETS = (
    "@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly",
)  # fmt: skip
"""Those of Airflow, which are given to it as they are."""


def parse_schedule(text: str) -> str:
    """Return the cron expression, or Airflow's preset, that *text* means.

    Raises:
        ValueError: It is none.
    """
    schedule = PRESETS.get(text, text).strip()
    if schedule in AIRFLOW_PRESETS or croniter.is_valid(schedule):
        return schedule
    presets = [*PRESETS, *AIRFLOW_PRESETS]
    raise ValueError(
        f"is {text!r}{closest(text, presets)}; expected: a cron expression such as "
        f"'0 6 * * *', or one of: {', '.join(presets)}"
    )
