"""Which source has which schedule, by `schedules.yml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from airflow_dlt_provider.core.errors import closest, listed
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.mistakes import Checked, Mistake
from airflow_dlt_provider.core.registry.schedules_file import ScheduleEntry, SchedulesFile
from airflow_dlt_provider.core.registry.yaml_tree import YamlTree

WITHOUT_MEANING = {
    "misfire_grace_time": "is left out: Airflow starts a late run when it can",
    "notify_on": "is left out: Airflow has notifiers and callbacks of its own",
}


@dataclass(frozen=True)
class DeclaredSchedule:
    """One schedule, and where it stands."""

    entry: ScheduleEntry
    checked: Checked


def parse_schedules(tree: YamlTree, file: Path) -> tuple[list[DeclaredSchedule], list[Mistake]]:
    """Return the schedules of a `schedules.yml`, and what is wrong in it."""
    whole = Checked(file, tree, ())
    document = {} if tree.value is None else tree.value
    if not isinstance(document, Mapping) or not isinstance(document.get("schedules", []), list):
        return [], [whole.mistake((), "is no mapping with a list of schedules")]
    allowed = list(SchedulesFile.model_fields)
    mistakes = [
        whole.mistake((key,), f"is unknown{closest(key, allowed)}; allowed: {', '.join(allowed)}")
        for key in document
        if key not in allowed
    ]
    schedules: dict[str, DeclaredSchedule] = {}
    for position, value in enumerate(document.get("schedules") or []):
        checked = Checked(file, tree, ("schedules", position))
        try:
            entry = ScheduleEntry.model_validate(value)
        except ValidationError as error:
            mistakes += checked.mistakes(error, value)
            continue
        if entry.type in ("dbt", "script"):
            problem = f"is {entry.type!r}, which is not supported here: this schedule is left out"
            mistakes.append(checked.mistake(("type",), problem, "warning"))
            continue
        if entry.name in schedules:
            mistakes.append(
                checked.mistake(("name",), f"is {entry.name!r}, which another schedule has, too")
            )
            continue
        mistakes += _without_meaning(entry, checked)
        schedules[entry.name] = DeclaredSchedule(entry, checked)
    return list(schedules.values()), mistakes


def assign_schedules(
    schedules: Iterable[DeclaredSchedule],
    sources: Sequence[DeclaredSource],
    known_names: Sequence[str],
) -> tuple[tuple[DeclaredSource, ...], list[Mistake]]:
    """Give each source its schedules.

    Args:
        schedules: Those that are right.
        sources: Those that are right.
        known_names: Names of all sources, also of those with a mistake.
    """
    by_name: dict[str, list[DeclaredSchedule]] = {}
    mistakes = []
    for schedule in schedules:
        for position, name in enumerate(schedule.entry.sources):
            if name.lower() not in known_names:
                mistakes.append(
                    schedule.checked.mistake(
                        ("sources", position),
                        f"is {name!r}, which is no source{closest(name, known_names)}; "
                        f"{listed(known_names)}",
                    )
                )
            elif schedule.entry.enabled:
                by_name.setdefault(name.lower(), []).append(schedule)
    mistakes += _overlaps(by_name, sources)
    return (
        tuple(
            replace(source, schedules=tuple(item.entry for item in by_name.get(source.name, ())))
            for source in sources
        ),
        mistakes,
    )


def _overlaps(
    by_name: Mapping[str, Sequence[DeclaredSchedule]], sources: Iterable[DeclaredSource]
) -> list[Mistake]:
    mistakes = []
    own = {source.name for source in sources if source.entry.airflow.schedule}
    for name, found in by_name.items():
        key = ("sources",)
        if name in own:
            problem = f"names {name!r}, whose own airflow.schedule wins"
            mistakes.append(found[0].checked.mistake(key, problem, "warning"))
        elif len(found) > 1:
            others = ", ".join(item.entry.name for item in found[:-1])
            problem = f"names {name!r}, which {others} has, too; it runs at all of these times"
            mistakes.append(found[-1].checked.mistake(key, problem, "warning"))
    return mistakes


def _without_meaning(entry: ScheduleEntry, checked: Checked) -> list[Mistake]:
    return [
        checked.mistake((key,), problem, "warning")
        for key, problem in WITHOUT_MEANING.items()
        if key in entry.model_fields_set
    ]
