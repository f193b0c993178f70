"""Schedules as text: presets, and cron expressions."""

from __future__ import annotations

from croniter import CroniterBadDateError, croniter

from airflow_dlt_provider.core.errors import closest

CRON_FIELDS = 5

PRESETS = {
    "every_15m": "*/15 * * * *",
    "every_hour": "0 * * * *",
    "every_6h": "0 */6 * * *",
    "daily": "0 6 * * *",
    "weekly": "0 6 * * 1",
}
"""Dango's names of schedules."""

AIRFLOW_CRONS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
"""Airflow's names of cron expressions."""

WITHOUT_TIMES = ("@once", "@continuous")
"""Schedules of Airflow's that no time of the day belongs to."""

AIRFLOW_PRESETS = (*WITHOUT_TIMES, *AIRFLOW_CRONS)
"""Those of Airflow, which are given to it as they are."""


def parse_schedule(text: str) -> str:
    """Return the cron expression, or Airflow's preset, that *text* means.

    Raises:
        ValueError: It is none.
    """
    schedule = PRESETS.get(text, text).strip()
    if schedule in AIRFLOW_PRESETS:
        return schedule
    try:
        # Airflow has no seconds
        is_cron = len(schedule.split()) == CRON_FIELDS and croniter.is_valid(schedule)
        if is_cron:
            croniter(schedule).get_next()
    except CroniterBadDateError:
        raise ValueError(f"is {text!r}, a time that never comes") from None
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError):
        is_cron = False
    if is_cron:
        return schedule
    presets = [*PRESETS, *AIRFLOW_PRESETS]
    raise ValueError(
        f"is {text!r:.60}{closest(text, presets)}; expected: a cron expression such as "
        f"'0 6 * * *', or one of: {', '.join(presets)}"
    )
