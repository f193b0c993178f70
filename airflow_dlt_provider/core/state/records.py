"""What a state store keeps: the ledger of loads, the state of resources and sources, requests.

All records are written as JSON documents. Cursors that are shown to people are plain JSON; dlt's
own states are dlt's typed JSON, so that dates and decimals come back as what they were.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from airflow_dlt_provider.core.spec import RefreshMode

LoadStatus = Literal["unfinished", "finished", "removed"]
"""`unfinished`: rows may be in the destination; `removed`: they were taken out again."""

RequestKind = Literal["reset", "set", "rewind", "replay", "refresh"]

LoadKind = Literal["load", "backfill", "reset", "set", "rewind", "replay", "refresh"]
"""What a load was for: an ordinary `load`, a `backfill` of a window, or a request."""

KEPT_RECENT = 12
"""How many finished loads a `ResourceState` remembers in short."""


def typed_text(value: Any) -> str:
    """Return *value* as text that keeps datetimes, dates, decimals and bytes apart from text."""
    # a Dag is parsed with these records, and without dlt
    from dlt.common.json import json as dlt_json

    return str(dlt_json.typed_dumps(value))


def typed_value(text: str) -> Any:
    """Return the value that `typed_text` made *text* of."""
    from dlt.common.json import json as dlt_json

    return dlt_json.typed_loads(text)


def new_id() -> str:
    """Return an id that no other record has."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class LoadRecord:
    """What one load did to one resource."""

    pipeline_name: str
    """The base name, shared by all tasks of a Dag or group."""
    resource_name: str
    dag_id: str
    run_id: str
    try_number: int
    load_ids: tuple[str, ...]
    """dlt's ids of all packages of the load; a load is finished when all of them are."""
    rows_by_table: dict[str, int]
    cursor_before: dict[str, Any]
    """Cursor path -> last value, as JSON."""
    cursor_after: dict[str, Any]
    seconds_by_step: dict[str, float]
    """Of a load of several resources, an estimate of this one's part: `LoadResult.shares`."""
    recorded_at: float
    """Seconds since 1970."""
    record_id: str = field(default_factory=new_id)
    max_tries: int = 0
    """Airflow's: the same for all tries that retry each other, higher after a task was cleared."""
    left_out: tuple[str, ...] = ()
    """Resources of the task that had failed while they were extracted."""
    status: LoadStatus = "finished"
    task_pipeline: str = ""
    """The task's own dlt pipeline, under which the load was made."""
    destination: str = ""
    dataset_name: str = ""
    table_name: str = ""
    """The root table."""
    schema_names: tuple[str, ...] = ()
    """The dlt schemas of the load's packages."""
    states_before: dict[str, Any] = field(default_factory=dict)
    """dlt's state of the resource, and of those that feed it, that the load started from."""
    states_after: dict[str, Any] = field(default_factory=dict)
    """The state that the load brings; kept until the end of the load has been seen."""
    state_version: int = 0
    """Version of the task's pipeline state in dlt, after the load."""
    schema_changes: dict[str, list[str]] = field(default_factory=dict)
    """Table -> columns that the load added."""
    kind: LoadKind = "load"
    window: list[str] | None = None
    """`backfill`: both ends of the window, as ISO 8601; the second one is excluded."""
    superseded: dict[str, Any] | None = None
    """Which older rows the load takes the place of, once it has finished: `RowRange`'s fields."""
    request_id: str | None = None
    """The request that the load carried out."""
    voided_request_id: str | None = None
    """What a person asked of the resource, and comes to nothing by this load."""
    is_own_request: bool = False
    """Whether that is the one that was asked of this resource, not of one that it shares a cursor
    with, and not by a run."""
    changes: dict[str, Any] = field(default_factory=dict)
    """What the load changed in source-level state; kept until its end has been seen."""
    working_dir: str = ""
    """Where the packages lay, on whichever worker it was."""
    tables_after: dict[str, Any] = field(default_factory=dict)
    """Its tables, as in `ResourceState`; kept until the end of the load has been seen."""
    warnings: list[str] = field(default_factory=list)
    """What was unusual about the load, one sentence each."""

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(self.rows_by_table.values())

    @property
    def seconds(self) -> float:
        """Seconds of all steps: of a load of several resources, an estimate of this one's part."""
        return sum(self.seconds_by_step.values())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return _document(self) | {
            "states_before": typed_text(self.states_before),
            "states_after": typed_text(self.states_after),
            "changes": typed_text(self.changes),
            "superseded": typed_text(self.superseded),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> LoadRecord:
        """Return the record that `to_dict` turned into *document*, by this version or an older."""
        values = _known(cls, document)
        values["load_ids"] = tuple(values["load_ids"])
        values["schema_names"] = tuple(values.get("schema_names", ()))
        values["left_out"] = tuple(values.get("left_out", ()))
        for name in ("states_before", "states_after", "changes"):
            values[name] = typed_value(values.get(name, "{}"))
        values["superseded"] = typed_value(values.get("superseded", "null"))
        return cls(**values)

    def settled(self, status: LoadStatus) -> LoadRecord:
        """Return the record as it is kept once the end of the load has been seen."""
        return replace(
            self, status=status, states_after={}, changes={}, tables_after={}, superseded=None
        )


@dataclass(frozen=True)
class RecentLoad:
    """A finished load in short."""

    recorded_at: float
    """Seconds since 1970."""
    rows: int
    seconds: float
    run_id: str
    kind: LoadKind = "load"
    root_rows: int | None = None
    """Rows of the root table; `None` where an older version has kept it."""

    @classmethod
    def of(cls, record: LoadRecord) -> RecentLoad:
        """Return *record* in short."""
        return cls(
            record.recorded_at,
            record.rows,
            round(record.seconds, 3),
            record.run_id,
            record.kind,
            record.rows_by_table.get(record.table_name, record.rows),
        )


@dataclass(frozen=True)
class ResourceState:
    """What is known of a resource after its last load; written by the task that loads it alone."""

    pipeline_name: str
    resource_name: str
    task_pipeline: str
    """The dlt pipeline under which the state was loaded: another one after a regrouping."""
    state_version: int
    """Version of that pipeline's state in dlt."""
    load_ids: tuple[str, ...]
    """The last load that had any package."""
    states: dict[str, Any]
    """dlt's state of the resource, and of those that feed it, by resource."""
    members: tuple[str, ...] = ()
    """What a task loads that was planned without knowing any resource; this state is its index."""
    unfinished: LoadRecord | None = None
    """A load that was begun, and of which nobody has yet seen the end."""
    applied_request_id: str | None = None
    """The last request of a person that was carried out."""
    interrupted: StateRequest | None = None
    """A request whose rows may be taken back already, and whose load nobody has seen the end of."""
    source_changes: dict[str, list[Any]] = field(default_factory=dict)
    """Source -> what the last load changed in the source-level state."""
    changes_id: str | None = None
    """Names `source_changes`, for whoever has merged them."""
    recent: tuple[RecentLoad, ...] = ()
    """The last finished loads, the newest last; at most `KEPT_RECENT`."""
    tables: dict[str, Any] = field(default_factory=dict)
    """Table -> its `parent` (`None` for the root) and `columns`, each with `type`, `nullable` and
    `key`: as dlt's schema has them after the last load, the root first."""
    updated_at: float = field(default_factory=time.time)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return _document(self) | {
            "states": typed_text(self.states),
            "source_changes": typed_text(self.source_changes),
            "unfinished": self.unfinished.to_dict() if self.unfinished else None,
            "interrupted": self.interrupted.to_dict() if self.interrupted else None,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ResourceState:
        """Return the state that `to_dict` turned into *document*."""
        values = _known(cls, document)
        values["load_ids"] = tuple(values["load_ids"])
        values["members"] = tuple(values.get("members", ()))
        values["states"] = typed_value(values["states"])
        values["source_changes"] = typed_value(values["source_changes"])
        unfinished = values["unfinished"]
        values["unfinished"] = LoadRecord.from_dict(unfinished) if unfinished else None
        interrupted = values.get("interrupted")
        values["interrupted"] = StateRequest.from_dict(interrupted) if interrupted else None
        values["recent"] = tuple(
            RecentLoad(**_known(RecentLoad, item)) for item in values.get("recent", ())
        )
        return cls(**values)


@dataclass(frozen=True)
class SourceState:
    """Source-level state, merged over the tasks of a run; written by the run's last task alone."""

    pipeline_name: str
    source_name: str
    values: dict[str, Any]
    merged: dict[str, str] = field(default_factory=dict)
    """Pipeline of a task -> the `changes_id` that was merged last."""
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    """What two tasks of the last run set to different values; none of the values is lost."""
    contained: dict[str, list[str]] = field(default_factory=dict)
    """Pipeline of a task -> each older `changes_id` whose changes are in those merged last."""
    updated_at: float = field(default_factory=time.time)

    def has_merged(self, changes_id: str | None) -> bool:
        """Tell whether nothing is left to merge of these changes; `None` stands for no changes."""
        known = (*self.merged.values(), *(i for ids in self.contained.values() for i in ids))
        return changes_id is None or changes_id in known

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return _document(self) | {
            "values": typed_text(self.values),
            "conflicts": typed_text(self.conflicts),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> SourceState:
        """Return the state that `to_dict` turned into *document*."""
        values = _known(cls, document)
        values["values"] = typed_value(values["values"])
        values["conflicts"] = typed_value(values["conflicts"])
        return cls(**values)


@dataclass(frozen=True)
class TakenBack:
    """A load whose appended rows are to be removed."""

    record_id: str
    load_ids: tuple[str, ...]
    schema_names: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return _document(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> TakenBack:
        """Return what `to_dict` turned into *document*."""
        values = {name: document[name] for name in ("record_id", "load_ids", "schema_names")}
        return cls(values["record_id"], tuple(values["load_ids"]), tuple(values["schema_names"]))


@dataclass(frozen=True)
class StateRequest:
    """What a person asked of a resource's state; the next load of the resource carries it out."""

    pipeline_name: str
    resource_name: str
    kind: RequestKind
    asked_by: str
    cursor_path: str | None = None
    """`set`: which cursor; `None` where the resource has one."""
    value: Any = None
    """`set`: the new last value."""
    record_id: str | None = None
    """`rewind` and `replay`: the load from before which to start again."""
    run_id: str | None = None
    """`replay`: the run that the load belonged to."""
    mode: RefreshMode = "replace"
    """`refresh`: what becomes of the rows."""
    allow_empty: bool = False
    """`refresh`: whether a source without rows may empty a table."""
    states: dict[str, Any] | None = None
    """The states to go on from, once a load has looked them up."""
    taken_back: tuple[TakenBack, ...] = ()
    """The loads whose appended rows are taken back, once a load has looked them up."""
    request_id: str = field(default_factory=new_id)
    asked_at: float = field(default_factory=time.time)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return _document(self) | {
            "value": typed_text(self.value),
            "states": typed_text(self.states),
            "taken_back": [item.to_dict() for item in self.taken_back],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> StateRequest:
        """Return the request that `to_dict` turned into *document*."""
        values = _known(cls, document)
        values["value"] = typed_value(values["value"])
        values["states"] = typed_value(values.get("states", "null"))
        values["taken_back"] = tuple(
            TakenBack.from_dict(item) for item in values.get("taken_back", ())
        )
        return cls(**values)


def _document(record: Any) -> dict[str, Any]:
    # JSON has no tuples, and Airflow's store refuses what is not JSON
    values = asdict(record).items()
    return {name: list(item) if isinstance(item, tuple) else item for name, item in values}


def _known(record_type: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    # a newer version may have written more than this one knows
    known = {item.name for item in fields(record_type)}
    return {name: value for name, value in document.items() if name in known}
