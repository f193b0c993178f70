"""What a person asks of a resource's state, carried out on the state: pure functions."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pendulum

from airflow_dlt_provider.core.errors import StateError, listed
from airflow_dlt_provider.core.state.records import LoadRecord, StateRequest, TakenBack
from airflow_dlt_provider.core.state.windows import add_window


def requested_states(
    request: StateRequest,
    states: Mapping[str, Any],
    records: Sequence[LoadRecord],
    own_cursors: tuple[str, Sequence[str]],
) -> dict[str, Any]:
    """Return the states from which the resource of *request* shall go on.

    Args:
        request: What was asked.
        states: dlt's state of the resource, and of those that feed it, by short name.
        records: The resource's ledger, the newest first.
        own_cursors: Short name of the resource, and the cursors that it declares.

    Raises:
        StateError: The request does not fit the state.
    """
    if request.kind in ("reset", "refresh"):
        return {}
    if request.kind == "set":
        return _with_cursor(request, states, own_cursors)
    if request.states is not None:
        return deepcopy(dict(request.states))
    states_before = deepcopy(dict(_target(request, records).states_before))
    for record in _passed(request, records):
        if record.kind == "backfill" and record.window:
            # its rows stay, and the loads to come take their place
            add_window(states_before, own_cursors[0], record.window)
    return states_before


def taken_back(request: StateRequest, records: Sequence[LoadRecord]) -> tuple[TakenBack, ...]:
    """Return the loads whose appended rows *request* takes back, the newest first.

    Raises:
        StateError: The ledger has no such load, or what was there before it is gone.
    """
    if request.kind not in ("rewind", "replay"):
        return ()
    if request.states is not None:
        return request.taken_back
    passed = _passed(request, records)
    refreshed = [item for item in passed if _is_finished_refresh(item)]
    if refreshed:
        raise StateError(
            f"resource {request.resource_name!r} cannot go back before its full refresh of run "
            f"{refreshed[-1].run_id}, which replaced the rows of the loads before; refresh it "
            "again, or go back to a later load"
        )
    return tuple(
        TakenBack(record.record_id, record.load_ids, record.schema_names)
        for record in passed
        # a window is of other rows than those between two cursors
        if record.kind != "backfill"
    )


def loads_since_refresh(records: Sequence[LoadRecord]) -> list[LoadRecord]:
    """Return the loads after the last full refresh, which replaced the rows of those before it.

    A resource goes back before none of the others.

    Args:
        records: The resource's ledger, the newest first.
    """
    return list(itertools.takewhile(lambda item: not _is_finished_refresh(item), records))


def first_load_of_run(run_id: str, records: Sequence[LoadRecord]) -> LoadRecord:
    """Return the first load that a run made of a resource.

    One that was taken back counts too: the replay that took it back may have been cut off.

    Args:
        run_id: Airflow's.
        records: The resource's ledger, the newest first.

    Raises:
        StateError: There is none.
    """
    loads = [item for item in records if item.run_id == run_id]
    if not loads:
        runs = dict.fromkeys(item.run_id for item in records)
        raise StateError(f"the ledger has no load of run {run_id!r} to replay; {listed(runs)}")
    return loads[-1]


def parse_cursor_value(text: str, current: Any) -> Any:
    """Return *text* as a value of the type of the *current* cursor.

    Raises:
        StateError: It is none.
    """
    try:
        if isinstance(current, datetime):
            parsed = pendulum.instance(datetime.fromisoformat(text.replace("Z", "+00:00")))
            return parsed if current.tzinfo else parsed.naive()
        if isinstance(current, date):
            return date.fromisoformat(text)
        if isinstance(current, Decimal):
            return Decimal(text)
        if isinstance(current, bool) or not isinstance(current, int | float):
            return text
        return type(current)(text)
    except (ValueError, ArithmeticError) as error:
        raise StateError(
            f"{text!r} is no {type(current).__name__}, which the cursor is ({error}); "
            f"now it is {current!s}"
        ) from None


def _is_finished_refresh(record: LoadRecord) -> bool:
    return record.kind == "refresh" and record.status == "finished"


def _passed(request: StateRequest, records: Sequence[LoadRecord]) -> Sequence[LoadRecord]:
    """Return the loads from the newest to the one before which the resource goes back."""
    return records[: list(records).index(_target(request, records)) + 1]


def _target(request: StateRequest, records: Sequence[LoadRecord]) -> LoadRecord:
    for record in records:
        if record.record_id == request.record_id:
            return record
    known = (f"{record.record_id} ({record.run_id})" for record in records)
    raise StateError(
        f"resource {request.resource_name!r} shall go back before load {request.record_id!r}, "
        f"which the ledger does not hold; {listed(known)}"
    )


def _with_cursor(
    request: StateRequest, states: Mapping[str, Any], own_cursors: tuple[str, Sequence[str]]
) -> dict[str, Any]:
    changed = deepcopy(dict(states))
    found = [
        (name, path)
        for name, state in changed.items()
        for path in state.get("incremental", {})
        if request.cursor_path in (None, path)
    ]
    short_name, cursor_paths = own_cursors
    if not found:
        path = request.cursor_path or (cursor_paths[0] if len(cursor_paths) == 1 else None)
        # a source does not tell every cursor before it is extracted; who names one, knows it
        if path is None or (cursor_paths and path not in cursor_paths):
            raise StateError(
                f"resource {request.resource_name!r} has no cursor {request.cursor_path or ''!r}; "
                f"{listed(cursor_paths)}"
            )
        found = [(short_name, path)]
    # of cursors of one name, the resource's own is meant
    found = [item for item in found if request.cursor_path and item[0] == short_name] or found
    if len(found) > 1:
        raise StateError(
            f"resource {request.resource_name!r} has several cursors; ask again and name "
            f"one of them; {listed(path for _, path in found)}"
        )
    ((name, path),) = found
    cursors = changed.setdefault(name, {}).setdefault("incremental", {})
    # hashes are those of rows at the former value, which would now be left out by mistake
    cursors[path] = {
        "initial_value": request.value,
        **cursors.get(path, {}),
        "last_value": request.value,
        "unique_hashes": [],
    }
    return changed
