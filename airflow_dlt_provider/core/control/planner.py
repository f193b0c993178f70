"""Makes requests of what a person asked for, and says what each will do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, NoReturn

from airflow_dlt_provider.core.control import effects as effect
from airflow_dlt_provider.core.control.cursor_choice import own_or_only, pick_cursor
from airflow_dlt_provider.core.control.documents import VALUE_TYPES, cursors_in, plain, type_name
from airflow_dlt_provider.core.control.resources import (
    KnownResources,
    find_record,
    short_record_ids,
)
from airflow_dlt_provider.core.control.words import Words
from airflow_dlt_provider.core.errors import StateError, closest, listed
from airflow_dlt_provider.core.state.records import LoadRecord, RequestKind, StateRequest
from airflow_dlt_provider.core.state.requests import (
    first_load_of_run,
    parse_cursor_value,
    taken_back,
)

EXAMPLES: dict[str, Any] = {
    "datetime": datetime(1970, 1, 1, tzinfo=timezone.utc),
    "date": datetime(1970, 1, 1, tzinfo=timezone.utc).date(),
    "int": 0,
    "float": 0.0,
    "decimal": Decimal(0),
    "str": "",
}
"""Type -> any value of it."""


@dataclass(frozen=True)
class PlannedRequest:
    """A request, and what a person should know before making it."""

    request: StateRequest
    effects: tuple[str, ...]
    """What the next load of the resource does."""


class RequestPlanner:
    """Plans requests for the resources of one pipeline. It writes nothing.

    Args:
        known: The resources of the pipeline.
        asked_by: Who asks.
        words: For messages that say what to do.
        dispositions: Resource name -> its write disposition, where that is known.
    """

    def __init__(
        self,
        known: KnownResources,
        asked_by: str,
        words: Words | None = None,
        dispositions: Mapping[str, str | None] | None = None,
    ) -> None:
        self.known = known
        self._asked_by = asked_by
        self._words = words or Words()
        self._dispositions = dispositions or {}

    def plan_set(
        self,
        resource_name: str,
        text: str,
        path: str | None,
        value_type: str | None,
        cursor_resource: str | None = None,
    ) -> PlannedRequest:
        """Plan another value of a cursor.

        Args:
            resource_name: Whose load goes on from it.
            text: The value.
            path: Which cursor; not needed where there is one.
            value_type: One of `VALUE_TYPES`; default: the type of the present value.
            cursor_resource: Whose cursor it is, where one that feeds the resource has one of the
                same path.

        Raises:
            StateError: It is not clear which cursor, or the text is no value of its type.
        """
        state = self.known.states.get(resource_name)
        every = cursors_in(state.states if state else {})
        cursors = every
        if cursor_resource is not None:
            cursors = own_or_only(resource_name, every, path, cursor_resource)
        found = pick_cursor(
            resource_name, cursors, path, self._words, may_be_new=value_type is not None
        )
        current = found[2] if found else None
        value = self._parse_value(resource_name, text, current, value_type)
        cursor_path = path or (found[1] if found else None)
        former = f"now {plain(current)}" if found else "no load has had a cursor yet"
        effects = (
            f"goes on from cursor {cursor_path or ''} = {plain(value)} "
            f"({type_name(value)}; {former})".replace("  ", " "),
            *effect.rows_after_set(self._writing(resource_name)),
            *effect.cursors_that_stay([item for item in every if item != found]),
        )
        return self._planned("set", resource_name, effects, cursor_path=cursor_path, value=value)

    def plan_reset(self, resource_name: str) -> PlannedRequest:
        """Plan a start from the beginning, of a resource that may not be known yet."""
        effects = [
            "starts from the beginning, without cursor and without any other state",
            effect.rows_after_reset(self._writing(resource_name)),
            *self._shared(resource_name),
        ]
        if resource_name not in self.known.names:
            effects.append(
                f"NO LOAD of a resource {resource_name!r} is known; {listed(self.known.names)}"
                f"{closest(resource_name, self.known.names)}"
            )
        return self._planned("reset", resource_name, effects)

    def plan_rewind(self, resource_name: str, record_id: str) -> PlannedRequest:
        """Plan to go back before one load.

        Args:
            resource_name: Whose load it is.
            record_id: Its id, or the beginning of it.

        Raises:
            StateError: There is no such load, or none that could be taken back.
        """
        records = self.known.loads(resource_name)
        record = find_record(record_id, resource_name, records)
        if record.status != "finished":
            reason = {
                "removed": "has been taken back already",
                "unfinished": "did not finish; the next load takes out what it left",
            }[record.status]
            raise StateError(
                f"load {record.record_id} of resource {resource_name!r} {reason}; "
                f"rewind to another of {self._words.ledger}"
            )
        return self._going_back("rewind", record, records)

    def plan_replay(self, resource_name: str, run_id: str) -> PlannedRequest | None:
        """Plan to go back before the first load that a run made of a resource, if it made one."""
        records = self.known.loads(resource_name)
        try:
            record = first_load_of_run(run_id, records)
        except StateError:
            return None
        return self._going_back("replay", record, records, run_id=run_id)

    def refuse_run(self, run_id: str, resource_names: Sequence[str]) -> NoReturn:
        """Say that no resource has a load of a run, and which runs there are.

        Raises:
            StateError: Always.
        """
        runs = dict.fromkeys(
            record.run_id for name in resource_names for record in self.known.loads(name)
        )
        raise StateError(
            f"the ledger has no load of run {run_id!r} to replay, of {', '.join(resource_names)}; "
            f"{listed(runs)}{closest(run_id, runs)}"
        )

    def _parse_value(
        self, resource_name: str, text: str, current: Any, value_type: str | None
    ) -> Any:
        if value_type is not None:
            try:
                return parse_cursor_value(text, EXAMPLES[value_type])
            except StateError:
                raise StateError(
                    f"{text!r} is no {value_type}, as {self._words.type_says}"
                ) from None
        if type_name(current) not in VALUE_TYPES:
            raise StateError(
                f"the cursor of resource {resource_name!r} has a value of type "
                f"{type_name(current)}; of the new one {self._words.name_type}, one of: "
                f"{', '.join(VALUE_TYPES)}"
            )
        return parse_cursor_value(text, current)

    def _going_back(
        self, kind: RequestKind, record: LoadRecord, records: Sequence[LoadRecord], **fields: Any
    ) -> PlannedRequest:
        planned = self._planned(
            kind, record.resource_name, (), record_id=record.record_id, **fields
        )
        short_ids = short_record_ids(records)
        record_ids = {item.record_id for item in taken_back(planned.request, records)}
        finished = [item for item in records if item.status == "finished" and item.load_ids]
        removed = [item for item in finished if item.record_id in record_ids]
        shown = ", ".join(f"{short_ids[r.record_id]} ({r.run_id}: {r.rows:,})" for r in removed)
        target = f"load {short_ids[record.record_id]} of run {record.run_id}"
        rows = (
            f"{sum(r.rows for r in removed):,} rows are removed, nested tables "
            f"included, of {len(removed)} load{'s' if len(removed) != 1 else ''}: {shown}"
        )
        passed = records[: list(records).index(record) + 1]
        has_windows = any(r.kind == "backfill" and r.status == "finished" for r in passed)
        effects = (
            f"goes back before {target}, {_cursor_text(record.cursor_before)}",
            effect.rows_after_going_back(
                self._writing(record.resource_name), rows if removed else ""
            ),
            *([effect.WINDOWS_STAY] * has_windows),
            *self._shared(record.resource_name),
        )
        return PlannedRequest(planned.request, effects)

    def _planned(
        self, kind: RequestKind, resource_name: str, effects: Iterable[str], **fields: Any
    ) -> PlannedRequest:
        request = StateRequest(
            self.known.pipeline_name, resource_name, kind, asked_by=self._asked_by, **fields
        )
        return PlannedRequest(request, tuple(effects))

    def _writing(self, resource_name: str) -> str | None:
        return effect.way_of_writing(
            self._dispositions.get(resource_name), self.known.states.get(resource_name)
        )

    def _shared(self, resource_name: str) -> list[str]:
        others = self.known.sharing_cursor_with(resource_name)
        return [f"goes back together with {', '.join(others)}: one cursor is theirs"] * bool(others)


def _cursor_text(cursor: Mapping[str, Any]) -> str:
    if not cursor:
        return "where it had no cursor"
    return "to cursor " + ", ".join(f"{path} = {value}" for path, value in cursor.items())
