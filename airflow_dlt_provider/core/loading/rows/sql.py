"""Rows of a SQL destination, by the load that wrote them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema.typing import C_DLT_LOAD_ID, TSchemaTables, TTableSchema
from dlt.common.versioned_state import decompress_state
from dlt.destinations.job_client_impl import SqlJobClientBase
from sqlglot import expressions as sql

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.rows.contract import (
    IsAlone,
    RowRange,
    StoredPipeline,
    StoredRows,
    StoredState,
    appends_to,
    by_pipeline,
    is_matched,
    is_merged_by_key,
    later_than,
    root_tables,
    seconds_of,
    table_chain,
)
from airflow_dlt_provider.core.loading.rows.statements import Statements, is_in, text

log = logging.getLogger(__name__)

FINISHED = 0
"""Status of a finished load in `_dlt_loads`."""

P = ParamSpec("P")
R = TypeVar("R")


def _connected(
    method: Callable[Concatenate[SqlRows, P], R],
) -> Callable[Concatenate[SqlRows, P], R]:
    """Lock the destination and open a connection for *method*, unless a caller has."""

    @wraps(method)
    def connected(self: SqlRows, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._client.sql_client.native_connection:
            return method(self, *args, **kwargs)
        with self._lock(), self._client:
            return method(self, *args, **kwargs)

    return connected


class SqlRows(StoredRows):
    """Rows in the dataset of a SQL destination.

    Args:
        client: dlt's client of the dataset. Its schema names dlt's own tables.
        lock: Keeps other writers out, where the destination takes one at a time.
    """

    def __init__(
        self, client: SqlJobClientBase, lock: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._client = client
        self._lock = lock
        self._sql = client.sql_client
        self._build = Statements(client)
        self._schema = client.schema

    @_connected
    def finished_loads(self, load_ids: Iterable[str]) -> frozenset[str]:
        """Return those of *load_ids* that dlt has finished."""
        wanted = tuple(load_ids)
        if not wanted:
            return frozenset()
        query = (
            sql.select(self._build.column("load_id"))
            .from_(self._build.table(self._schema.loads_table_name))
            .where(is_in(self._build.column("load_id"), wanted))
            .where(self._build.column("status").eq(FINISHED))
        )
        return frozenset(str(row[0]) for row in self._rows(query))

    @_connected
    def unfinished_loads(self, schema_names: Iterable[str], alone_in: IsAlone) -> frozenset[str]:
        """Return the load ids of rows, in tables of these schemas, that no load finished."""
        unfinished: set[str] = set()
        for schema_name in schema_names:
            tables = self._stored_tables(schema_name)
            roots = {name: root for name, root in root_tables(tables).items() if alone_in(root)}
            found: set[str] = set()
            for root_name in self._existing(roots):
                if self._has_load_ids(roots[root_name]):
                    found |= self._load_ids_without_load(root_name)
            unfinished |= later_than(self._last_finished(schema_name, ()), found)
        return frozenset(unfinished)

    @_connected
    def remove_unfinished(
        self, schema_names: Iterable[str], load_ids: Collection[str], alone_in: IsAlone
    ) -> None:
        """Take out all that unfinished loads left, what dlt noted of them included."""
        statements: list[sql.Expression] = []
        for schema_name in schema_names:
            tables = self._stored_tables(schema_name)
            last_finished = self._last_finished(schema_name, load_ids)
            for name, root in root_tables(tables).items():
                chain = self._existing(table_chain(tables, name))
                if not chain:
                    continue
                if not self._has_load_ids(root):
                    log.warning(
                        "Table %s has no %s, so that rows of a load that was cut off cannot be "
                        "found in it; dlt adds it unless it is configured not to",
                        name,
                        C_DLT_LOAD_ID,
                    )
                    continue
                if is_merged_by_key(root) and last_finished:
                    statements.append(self._build.relabel(chain[0], load_ids, last_finished))
                else:
                    statements += self._build.delete_chain(
                        tables, chain, self._build.of_loads(load_ids)
                    )
                    if alone_in(root):
                        statements += self._build.delete_orphans(tables, chain)
        self._run([*statements, *self._delete_notes(load_ids)])

    @_connected
    def remove_appended(
        self,
        schema_names: Iterable[str],
        resource_name: str,
        load_ids: Collection[str],
        *,
        appends: bool | None,
    ) -> None:
        """Take out the rows that finished loads appended for one resource."""
        statements: list[sql.Expression] = []
        for schema_name in schema_names:
            tables = self._stored_tables(schema_name)
            for name, root in root_tables(tables).items():
                chain = self._existing(table_chain(tables, name))
                is_own = root.get("resource") == resource_name
                if not chain or not is_own or not appends_to(root, appends):
                    continue
                if not self._has_load_ids(root):
                    raise StateError(
                        f"rows of table {name!r} cannot be taken back, as it has no "
                        f"{C_DLT_LOAD_ID}; set the cursor instead"
                    )
                statements += self._build.delete_chain(
                    tables, chain, self._build.of_loads(load_ids)
                )
        self._run(statements)

    def check_range(self, root: TTableSchema, rows: RowRange) -> None:
        """Refuse rows that `remove_superseded` could not find."""
        self._build.cursor_column(root, rows.cursor_path)
        if not self._has_load_ids(root):
            raise StateError(
                f"table {root['name']!r} has no {C_DLT_LOAD_ID}, which tells new rows of a window "
                "from older ones; use a full refresh"
            )

    @_connected
    def remove_superseded(
        self,
        schema_names: Iterable[str],
        table_name: str,
        superseded: RowRange,
        by_load_ids: Collection[str],
    ) -> None:
        """Take out the rows of a range that another load has written anew, nested ones too."""
        tables: TSchemaTables = {}
        for schema_name in schema_names:
            tables.update(self._stored_tables(schema_name))
        chain = self._existing(table_chain(tables, table_name))
        if not chain:
            return
        column = self._build.cursor_column(tables[table_name], superseded.cursor_path)
        is_new = self._build.of_loads(by_load_ids)
        if superseded.start is None:
            first, last = self._rows(self._build.span(table_name, column, is_new))[0]
            if first is None:
                return
            superseded = replace(superseded, start=first, end=last)
        condition = self._build.is_in_range(column, superseded)
        # rows that were not loaded by dlt may have no load id
        is_older = sql.or_(self._build.column(C_DLT_LOAD_ID).is_(sql.null()), is_new.not_())
        self._run(self._build.delete_chain(tables, chain, sql.and_(condition, is_older)))

    @_connected
    def remove_nested_orphans(self, root_name: str) -> None:
        """Take out nested rows without a parent, of a table that was replaced as a whole."""
        query = (
            sql.select(self._build.column("schema"))
            .from_(self._build.table(self._schema.version_table_name))
            .order_by(self._build.column("version"))
        )
        tables: TSchemaTables = {}
        for (schema,) in self._rows(query):
            stored = decompress_state(schema)["tables"]
            if root_name in stored:
                tables.update({name: stored[name] for name in table_chain(stored, root_name)})
        if tables:
            chain = self._existing(table_chain(tables, root_name))
            self._run(self._build.delete_orphans(tables, chain))

    @_connected
    def has_rows(self, table_name: str) -> bool:
        """Tell whether a table is there and holds a row."""
        if not self._existing([table_name]):
            return False
        return bool(self._rows(sql.select("1").from_(self._build.table(table_name)).limit(1)))

    @_connected
    def newest_state(
        self, pipeline_name: str, load_ids: Collection[str] = ()
    ) -> Mapping[str, Any] | None:
        """Return the state of a pipeline with the highest version among finished loads."""
        query = (
            self._finished_states(self._build.column("state", "s"))
            .where(self._build.column("pipeline_name", "s").eq(text(pipeline_name)))
            .order_by(
                self._build.column("version", "s").desc(),
                self._build.column("load_id", "l").desc(),
            )
            .limit(1)
        )
        return next((decompress_state(row[0]) for row in self._rows(query)), None)

    @_connected
    def stored_pipelines(self, patterns: Collection[str]) -> list[StoredPipeline]:
        """Return all pipelines with a finished load whose names match, with all their states."""
        name = self._build.column("pipeline_name", "s")
        names = [str(row[0]) for row in self._rows(self._finished_states(name).distinct())]
        matched = [item for item in names if is_matched(item, patterns)]
        if not matched:
            return []
        columns = (
            self._build.column("load_id", "l"),
            self._build.column("inserted_at", "l"),
        )
        query = self._finished_states(name, *columns, self._build.column("state", "s"))
        states = [
            (str(row[0]), StoredState(str(row[1]), seconds_of(row[2]), decompress_state(row[3])))
            for row in self._rows(query.where(is_in(name, matched)))
        ]
        return by_pipeline(states, self._stored_tables)

    def _finished_states(self, *columns: sql.Column) -> sql.Select:
        return (
            sql.select(*(column.copy() for column in columns))
            .from_(self._build.table(self._schema.state_table_name).as_("s"))
            .join(
                self._build.table(self._schema.loads_table_name).as_("l"),
                on=self._build.column("load_id", "l").eq(self._build.column(C_DLT_LOAD_ID, "s")),
            )
            .where(self._build.column("status", "l").eq(FINISHED))
        )

    def _stored_tables(self, schema_name: str) -> TSchemaTables:
        """Return the tables of all stored versions of a schema, later ones winning."""
        query = (
            sql.select(self._build.column("schema"))
            .from_(self._build.table(self._schema.version_table_name))
            .where(self._build.column("schema_name").eq(text(schema_name)))
            .order_by(self._build.column("version"))
        )
        tables: TSchemaTables = {}
        for (schema,) in self._rows(query):
            # for some destinations dlt compresses it
            tables.update(decompress_state(schema)["tables"])
        return tables

    def _has_load_ids(self, root: TTableSchema) -> bool:
        return self._schema.naming.normalize_identifier(C_DLT_LOAD_ID) in root["columns"]

    def _last_finished(self, schema_name: str, without: Collection[str]) -> str | None:
        query = (
            sql.select(sql.func("max", self._build.column("load_id")))
            .from_(self._build.table(self._schema.loads_table_name))
            .where(self._build.column("schema_name").eq(text(schema_name)))
            .where(self._build.column("status").eq(FINISHED))
        )
        if without:
            query = query.where(is_in(self._build.column("load_id"), without).not_())
        return next((row[0] for row in self._rows(query)), None)

    def _load_ids_without_load(self, root_name: str) -> set[str]:
        finished = (
            sql.select(self._build.column("load_id"))
            .from_(self._build.table(self._schema.loads_table_name))
            .where(self._build.column("status").eq(FINISHED))
        )
        column = self._build.column(C_DLT_LOAD_ID)
        query = (
            sql.select(column)
            .distinct()
            .from_(self._build.table(root_name))
            .where(sql.In(this=column.copy(), query=finished.subquery()).not_())
        )
        return {str(row[0]) for row in self._rows(query)}

    def _delete_notes(self, load_ids: Collection[str]) -> list[sql.Expression]:
        """Return the deletes of what dlt noted of the loads: their states, and that they ended."""
        columns = {
            self._schema.state_table_name: C_DLT_LOAD_ID,
            self._schema.loads_table_name: "load_id",
        }
        return [
            sql.delete(self._build.table(name)).where(
                is_in(self._build.column(columns[name]), load_ids)
            )
            for name in self._existing(columns)
        ]

    def _existing(self, table_names: Iterable[str]) -> list[str]:
        """Return those of the tables that are there, in the given order."""
        names = list(dict.fromkeys(table_names))
        if not names:
            return []
        there = {name for name, columns in self._client.get_storage_tables(names) if columns}
        return [name for name in names if name in there]

    def _run(self, statements: Iterable[sql.Expression]) -> None:
        with self._sql.begin_transaction():
            for statement in statements:
                self._sql.execute_sql(self._build.rendered(statement))

    def _rows(self, query: sql.Expression) -> Sequence[Sequence[Any]]:
        try:
            return self._sql.execute_sql(self._build.rendered(query)) or []
        except DestinationUndefinedEntity:
            return []
