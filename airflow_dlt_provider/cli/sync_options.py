"""The options of `sync` that say which part of a source is loaded, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from airflow_dlt_provider.core.spec import REFRESH_MODES, Refresh, Window
from airflow_dlt_provider.core.sync.purpose import SyncPurpose

DAYS = {"d": 1, "w": 7, "m": 30}
WINDOW = "A window of time; cursors stay where they are"
REFRESH = "From the beginning"
_BACKFILL = re.compile(r"([0-9]+)([dwm])")

SourceNameOption = Annotated[
    list[str] | None, typer.Option("--source", metavar="NAME", help="As SOURCE. Repeatable.")
]
SelectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="RESOURCE[,...]",
        help="Load these alone: names or glob patterns. Repeatable.",
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=1,
        help="Stop each resource after so many rows; pages are loaded whole. A resource with a "
        "cursor is refused unless its incremental has row_order asc: rows would be lost.",
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be loaded, and extract nothing.")
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Tasks at once. Default: one per CPU, up to 8."),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Where the default DuckDB file warehouse.duckdb lies. Default: "
        "AIRFLOW__DLT__DATA_DIR, else the folder data in AIRFLOW_HOME; without any Airflow, the "
        "folder data of the project.",
    ),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Where state is kept, a SQLAlchemy URL. Default: state_store in section dlt of "
        "Airflow's configuration, else the file dlt_state.db in AIRFLOW_HOME; without any "
        "Airflow, in the folder data of the project.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document; all else goes to standard error.")
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print errors, and what user code prints.")
]
DebugOption = Annotated[
    bool, typer.Option("--debug", help="Print tracebacks, and the log of the loads.")
]
FullRefreshOption = Annotated[
    bool,
    typer.Option(
        "--full-refresh",
        help="Load from the beginning, in place of the rows that are there.",
        rich_help_panel=REFRESH,
    ),
]
RefreshModeOption = Annotated[
    str | None,
    typer.Option(
        "--refresh-mode",
        metavar="|".join(REFRESH_MODES),
        help="replace (default) writes a table anew, drop_data empties it first, drop_resources "
        "drops it, with columns that the source has no more.",
        rich_help_panel=REFRESH,
    ),
]
AllowEmptyOption = Annotated[
    bool,
    typer.Option(
        "--allow-empty-replace",
        help="Let a load without rows empty a table that is replaced.",
        rich_help_panel=REFRESH,
    ),
]


def _date_option(flag: str, meaning: str) -> Any:
    return typer.Option(flag, metavar="DATE", help=meaning, rich_help_panel=WINDOW)


StartDateOption = Annotated[
    str | None,
    _date_option("--start-date", "Load what came from this date on (UTC), such as 2026-01-31."),
]
EndDateOption = Annotated[
    str | None,
    _date_option("--end-date", "The end of the window, which is not in it. Default: now."),
]
SinceOption = Annotated[str | None, _date_option("--since", "The same as --start-date.")]
UntilOption = Annotated[str | None, _date_option("--until", "The same as --end-date.")]
BackfillOption = Annotated[
    str | None,
    typer.Option(
        "--backfill",
        metavar="7d|2w|1m",
        help="Load the last days, weeks, or months of 30 days.",
        rich_help_panel=WINDOW,
    ),
]


def parse_window(
    dates: Mapping[str, str | None], backfill: str | None, now: datetime | None = None
) -> Window | None:
    """Return the window that a person asks for.

    Args:
        dates: What was said with `--start-date`, `--since`, `--end-date` and `--until`.
        backfill: What was said with `--backfill`.
        now: Ends a window whose end was not said.

    Raises:
        typer.BadParameter: The options contradict each other, or cannot be read.
    """
    given = {name: text for name, text in dates.items() if text is not None}
    end = now or datetime.now(timezone.utc)
    if backfill is not None:
        if given:
            raise _refused(f"--backfill and {' and '.join(given)}", "exclude each other")
        return Window(_before(end, backfill), end)
    if not given:
        return None
    start_name = _only(given, "--start-date", "--since")
    end_name = _only(given, "--end-date", "--until")
    if start_name is None:
        raise _refused(str(end_name), "ends a window that has no beginning; give --since as well")
    start = _parse_moment(start_name, given[start_name])
    end = _parse_moment(end_name, given[end_name]) if end_name else end
    if start >= end:
        said = f"{end_name} {given[end_name]}" if end_name else "now, the end of the window"
        raise _refused(f"{start_name} {given[start_name]}", f"is not before {said}")
    return Window(start, end)


@dataclass(frozen=True)
class AskedRefresh:
    """What a person says of a full refresh."""

    is_full: bool
    mode: str | None
    allow_empty: bool


def asked_purpose(
    select: Sequence[str], window: Window | None, limit: int | None, refresh: AskedRefresh
) -> SyncPurpose:
    """Return what a person asks of a sync.

    Args:
        select: What was said with `--select`, each with commas in it.
        window: The window, if one is asked for.
        limit: Rows of each resource.
        refresh: What is said of a full refresh.

    Raises:
        typer.BadParameter: The options contradict each other, or a mode is unknown.
    """
    names = (name.strip() for item in select for name in item.split(","))
    return SyncPurpose(
        tuple(name for name in names if name),
        _parse_refresh(refresh, window),
        window,
        limit,
        refresh.allow_empty,
    )


def _parse_refresh(asked: AskedRefresh, window: Window | None) -> Refresh | None:
    mode = asked.mode
    if mode is not None and mode not in REFRESH_MODES:
        raise _refused(f"--refresh-mode {mode}", f"is unknown; one of: {', '.join(REFRESH_MODES)}")
    if not asked.is_full:
        if mode is not None:
            raise _refused("--refresh-mode", "means something only with --full-refresh")
        return None
    if window is not None:
        raise _refused("--full-refresh and a window of time", "exclude each other")
    return Refresh(mode or REFRESH_MODES[0], asked.allow_empty)


def _only(given: Mapping[str, str], *names: str) -> str | None:
    found = [name for name in names if name in given]
    if len(found) > 1:
        raise _refused(" and ".join(found), "say the same; give one of them")
    return found[0] if found else None


def _parse_moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise _refused(
            f"{name} {text}", "is no date; write 2026-01-31 or 2026-01-31T12:00:00"
        ) from None
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment


def _before(end: datetime, text: str) -> datetime:
    """Return when a window begins that is as long as *text* says."""
    match = _BACKFILL.fullmatch(text)
    if match is None or not match[1].strip("0"):
        raise _refused(f"--backfill {text}", "is no time; write 7d, 2w or 1m (30 days)")
    try:
        return end - timedelta(days=int(match[1]) * DAYS[match[2]])
    except (OverflowError, ValueError):
        # Python reads no number of thousands of digits, either
        raise _refused(
            f"--backfill {text:.20}", "is too long: it begins before the year 1; give --since"
        ) from None


def _refused(what: str, problem: str) -> typer.BadParameter:
    return typer.BadParameter(f"{what} {problem}")
