"""Which source has which schedule, by `schedules.yml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from airflow_dlt_provider.core.errors import closest, listed
from airflow_dlt_provider.core.registry.cron import WITHOUT_TIMES
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.explanations import unknown_key
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
    if not isinstance(document, Mapping):
        return [], [whole.mistake((), "is no mapping; expected: schedules")]
    mistakes = [
        whole.mistake((key,), unknown_key(key, SchedulesFile.model_fields))
        for key in document
        if key not in SchedulesFile.model_fields
    ]
    entries = document.get("schedules")
    if not isinstance(entries, list | None):
        problem = "is no list; begin each schedule with -"
        return [], [*mistakes, whole.mistake(("schedules",), problem)]
    schedules: dict[str, DeclaredSchedule] = {}
    for position, value in enumerate(entries or []):
        checked = Checked(file, tree, ("schedules", position))
        try:
            entry = ScheduleEntry.model_validate(value)
        except ValidationError as error:
            mistakes += checked.mistakes(error, value, ScheduleEntry)
            continue
        if entry.type in ("dbt", "script"):
            problem = f"is {entry.type!r}, which is not supported here: this schedule is left out"
            mistakes.append(checked.mistake(("type",), problem, "warning"))
            continue
        if entry.name in schedules:
            mistakes.append(
                checked.mistake(
                    ("name",), f"is {entry.name!r}, which a schedule above has, too; rename one"
                )
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
                        f"is {name!r:.60}, which is no source{closest(name, known_names)}; "
                        f"{listed(known_names)}",
                    )
                )
            elif schedule.entry.enabled:
                found = by_name.setdefault(name.lower(), [])
                if found and (mistake := _unlike(name, found[0], schedule)):
                    mistakes.append(mistake)
                    continue
                found.append(schedule)
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


def _unlike(name: str, first: DeclaredSchedule, schedule: DeclaredSchedule) -> Mistake | None:
    """Return why a source cannot have both schedules, if it cannot."""
    alone = [item.cron for item in (first.entry, schedule.entry) if item.cron in WITHOUT_TIMES]
    if alone:
        problem = (
            f"names {name!r}, which {first.entry.name} has, too; {alone[0]} cannot stand beside "
            "another schedule, so this one is left out for it"
        )
        return schedule.checked.mistake(("sources",), problem)
    if first.entry.timezone == schedule.entry.timezone:
        return None
    return schedule.checked.mistake(
        ("timezone",) if "timezone" in schedule.entry.model_fields_set else (),
        f"is {schedule.entry.timezone!r}, and {first.entry.name}, which names {name!r}, too, has "
        f"{first.entry.timezone!r}; a Dag has one time zone, so this schedule is left out for it",
    )


def _without_meaning(entry: ScheduleEntry, checked: Checked) -> list[Mistake]:
    return [
        checked.mistake((key,), problem, "warning")
        for key, problem in WITHOUT_MEANING.items()
        if key in entry.model_fields_set
    ]
