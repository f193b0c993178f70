"""Rows of a SQL destination, by the load that wrote them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import replace

from dlt.common.schema.typing import C_DLT_LOAD_ID, TSchemaTables, TTableSchema
from dlt.common.versioned_state import decompress_state
from sqlglot import expressions as sql

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.rows.contract import (
    IsAlone,
    RowRange,
    appends_to,
    is_merged_by_key,
    root_tables,
    table_chain,
)
from airflow_dlt_provider.core.loading.rows.sql_reads import SqlReads, connected
from airflow_dlt_provider.core.loading.rows.statements import is_in

log = logging.getLogger(__name__)


class SqlRows(SqlReads):
    """Rows in the dataset of a SQL destination, looked up and taken out."""

    @connected
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

    @connected
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

    @connected
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

    @connected
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

    def _run(self, statements: Iterable[sql.Expression]) -> None:
        with self._sql.begin_transaction():
            for statement in statements:
                self._sql.execute_sql(self._build.rendered(statement))
