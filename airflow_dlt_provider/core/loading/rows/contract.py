"""The contract of a destination whose loads can be looked up and undone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import Any

from dlt.common.schema.typing import TSchemaTables, TTableSchema
from dlt.common.schema.utils import (
    get_nested_tables,
    has_column_with_prop,
    is_nested_table,
)


@dataclass(frozen=True)
class StoredState:
    """The state of a pipeline as one finished load stored it."""

    load_id: str
    finished_at: float
    """Seconds since 1970, by the clock of the worker, as the load id is."""
    state: Mapping[str, Any]

    @property
    def version(self) -> int:
        """Version of the state in dlt, which is counted up with every change."""
        return int(self.state["_state_version"])


@dataclass(frozen=True)
class StoredPipeline:
    """What dlt stored of one pipeline in a dataset."""

    name: str
    states: tuple[StoredState, ...]
    """Of finished loads, by version, then by load id."""
    tables: Mapping[str, TSchemaTables]
    """Schema -> the tables of all its stored versions."""


@dataclass(frozen=True)
class RowRange:
    """Rows of one table by the value of a cursor."""

    cursor_path: str
    start: Any
    """`None`: from the first row of the load that takes the place of older ones."""
    end: Any
    """`None`: up to the last row of that load."""
    is_end_open: bool = True
    """Whether rows at `end` are left out."""


IsAlone = Callable[[TTableSchema], bool]


class StoredRows(ABC):
    """Rows of a dataset by the load that wrote them (dlt's `_dlt_load_id`).

    Tables are those of the schemas that dlt stored in the dataset: dlt stores a schema before the
    first row that needs it, so that every table in which an unfinished load may have rows is known
    there, even when nothing else is left of the load.
    """

    def held(self) -> AbstractContextManager[None]:
        """Keep one connection for all that is asked meanwhile, where there are connections."""
        return nullcontext()

    @abstractmethod
    def finished_loads(self, load_ids: Iterable[str]) -> frozenset[str]:
        """Return those of *load_ids* that dlt has finished."""

    @abstractmethod
    def unfinished_loads(self, schema_names: Iterable[str], alone_in: IsAlone) -> frozenset[str]:
        """Return the load ids of rows, in tables of these schemas, that no load finished.

        Of a schema that finished loads, only later ones count, as tasks load one after another; of
        one that has finished none, only a single one: more of them are rows whose notes somebody
        has cleared away.
        """

    @abstractmethod
    def remove_unfinished(
        self, schema_names: Iterable[str], load_ids: Collection[str], alone_in: IsAlone
    ) -> None:
        """Take out all that unfinished loads left, what dlt noted of them included.

        Rows that an unfinished load merged by key took the place of finished ones, and are kept
        as part of the load before: extracting again merges them again.

        Args:
            schema_names: Schemas of the loads.
            load_ids: All loads of one try; some may be finished.
            alone_in: Tells whether no other task writes a root table at the same time: only there
                a nested row without a parent is one that a load left, and not one whose parent
                comes.
        """

    @abstractmethod
    def remove_appended(
        self,
        schema_names: Iterable[str],
        resource_name: str,
        load_ids: Collection[str],
        *,
        appends: bool | None,
    ) -> None:
        """Take out the rows that finished loads appended for one resource.

        Args:
            schema_names: Schemas of the loads.
            resource_name: The name that the source gives to the resource.
            load_ids: The loads.
            appends: Whether the resource appends; `None` where dlt's stored schema shall tell. It
                does not tell after a full refresh, which dlt stores as `replace`.
        """

    @abstractmethod
    def check_range(self, root: TTableSchema, rows: RowRange) -> None:
        """Refuse rows that `remove_superseded` could not find.

        Raises:
            StateError: No column of the table holds the cursor, or rows cannot be taken out.
        """

    @abstractmethod
    def remove_superseded(
        self,
        schema_names: Iterable[str],
        table_name: str,
        superseded: RowRange,
        by_load_ids: Collection[str],
    ) -> None:
        """Take out the rows of a range that another load has written anew, nested ones too.

        Args:
            schema_names: Schemas of that load.
            table_name: The root table.
            superseded: The range.
            by_load_ids: That load, whose rows stay.
        """

    @abstractmethod
    def remove_nested_orphans(self, root_name: str) -> None:
        """Take out nested rows without a parent, of a table that was replaced as a whole.

        dlt replaces the nested tables that the pipeline knows. Here those count that any pipeline
        has stored in the dataset, such as that of a task which loaded the table before.
        """

    @abstractmethod
    def has_rows(self, table_name: str) -> bool:
        """Tell whether a table is there and holds a row."""

    @abstractmethod
    def newest_state(
        self, pipeline_name: str, load_ids: Collection[str] = ()
    ) -> Mapping[str, Any] | None:
        """Return the state of a pipeline with the highest version among finished loads.

        dlt restores the state with the highest load id, which is a time: after a load on a worker
        whose clock is behind, that is an older one.

        Args:
            pipeline_name: dlt's.
            load_ids: Where looking at all states costs too much, only the states of these loads
                are compared.
        """

    @abstractmethod
    def stored_pipelines(self, patterns: Collection[str]) -> list[StoredPipeline]:
        """Return all pipelines with a finished load whose names match, with all their states.

        Args:
            patterns: Names or glob patterns. Reading costs with the number of stored states.
        """


def is_matched(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether *name* is one of the names or patterns."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def by_pipeline(
    states: Iterable[tuple[str, StoredState]], tables_of: Callable[[str], TSchemaTables]
) -> list[StoredPipeline]:
    """Return the pipelines of (pipeline, state), in the order of their names."""
    found: dict[str, list[StoredState]] = {}
    for pipeline_name, state in states:
        found.setdefault(pipeline_name, []).append(state)
    return [
        StoredPipeline(
            name,
            tuple(sorted(found[name], key=lambda item: (item.version, float(item.load_id)))),
            {
                schema: tables_of(schema)
                for schema in sorted(
                    {s for item in found[name] for s in item.state["schema_names"]}
                )
            },
        )
        for name in sorted(found)
    ]


def seconds_of(moment: datetime | str) -> float:
    """Return seconds since 1970 of what a destination gives for a point in time."""
    parsed = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()


def later_than(last_finished: str | None, load_ids: set[str]) -> set[str]:
    """Return those of *load_ids* that may be loads which were cut off."""
    if last_finished is None:
        return load_ids if len(load_ids) == 1 else set()
    return {load_id for load_id in load_ids if float(load_id) > float(last_finished)}


def root_tables(tables: TSchemaTables) -> dict[str, TTableSchema]:
    """Return the root tables that hold a user's rows, by name."""
    return {
        name: table
        for name, table in tables.items()
        if not is_nested_table(table) and not name.lower().startswith("_dlt")
    }


def table_chain(tables: TSchemaTables, root_name: str) -> list[str]:
    """Return the names of a root table and of those nested in it, parents first."""
    return [str(table["name"]) for table in get_nested_tables(tables, root_name)]


def is_merged_by_key(root: TTableSchema) -> bool:
    """Tell whether loads of *root* take the place of rows by key; dlt appends without a key."""
    has_key = any(has_column_with_prop(root, prop) for prop in ("primary_key", "merge_key"))
    is_scd2 = root.get("x-merge-strategy") == "scd2"
    return root.get("write_disposition") == "merge" and (has_key or is_scd2)


def appends_to(root: TTableSchema, declared: bool | None) -> bool:
    """Tell whether loads of *root* add rows and leave the others as they are.

    Args:
        root: As dlt stored it with its last load.
        declared: What its resource declares, where that is known.
    """
    if declared is not None:
        return declared
    return root.get("write_disposition") != "replace" and not is_merged_by_key(root)
