"""What loads left in a SQL destination, looked up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema.typing import C_DLT_LOAD_ID, TSchemaTables, TTableSchema
from dlt.common.versioned_state import decompress_state
from dlt.destinations.job_client_impl import SqlJobClientBase
from sqlglot import expressions as sql

from airflow_dlt_provider.core.loading.rows.contract import (
    IsAlone,
    StoredPipeline,
    StoredRows,
    StoredState,
    by_pipeline,
    is_matched,
    later_than,
    root_tables,
    seconds_of,
)
from airflow_dlt_provider.core.loading.rows.statements import Statements, is_in, text

FINISHED = 0
"""Status of a finished load in `_dlt_loads`."""

P = ParamSpec("P")
R = TypeVar("R")
Rows = TypeVar("Rows", bound="SqlReads")


def connected(
    method: Callable[Concatenate[Rows, P], R],
) -> Callable[Concatenate[Rows, P], R]:
    """Lock the destination and open a connection for *method*, unless a caller has."""

    @wraps(method)
    def in_connection(self: Rows, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.held():
            return method(self, *args, **kwargs)

    return in_connection


class SqlReads(StoredRows):
    """Looks rows up in the dataset of a SQL destination.

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

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the destination and open a connection, unless a caller has."""
        if self._client.sql_client.native_connection:
            yield
            return
        with self._lock(), self._client:
            yield

    @connected
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

    @connected
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

    @connected
    def has_rows(self, table_name: str) -> bool:
        """Tell whether a table is there and holds a row."""
        if not self._existing([table_name]):
            return False
        return bool(self._rows(sql.select("1").from_(self._build.table(table_name)).limit(1)))

    @connected
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

    @connected
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

    def _existing(self, table_names: Iterable[str]) -> list[str]:
        """Return those of the tables that are there, in the given order."""
        names = list(dict.fromkeys(table_names))
        if not names:
            return []
        there = {name for name, columns in self._client.get_storage_tables(names) if columns}
        return [name for name in names if name in there]

    def _rows(self, query: sql.Expression) -> Sequence[Sequence[Any]]:
        try:
            return self._sql.execute_sql(self._build.rendered(query)) or []
        except DestinationUndefinedEntity:
            return []
