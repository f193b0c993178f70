"""The statements that take rows of loads out of a SQL destination, in its own dialect."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from dlt.common.schema.typing import (
    C_DLT_ID,
    C_DLT_LOAD_ID,
    TColumnSchema,
    TSchemaTables,
    TTableSchema,
)
from dlt.common.time import ensure_pendulum_date, ensure_pendulum_datetime
from dlt.destinations.job_client_impl import SqlJobClientBase
from sqlglot import expressions as sql

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.rows.contract import RowRange

PARENT_ID = "_dlt_parent_id"

LITERAL_TYPES = ("timestamp", "date", "text")
"""dlt's data types of columns whose values are compared with points in time."""


class Statements:
    """Builds statements about the tables of one dataset.

    Args:
        client: dlt's client of the dataset, which knows its dialect and how names are written.
    """

    def __init__(self, client: SqlJobClientBase) -> None:
        self._client = client

    def relabel(self, root_name: str, load_ids: Collection[str], as_load: str) -> sql.Expression:
        """Return the update that gives the rows of *load_ids* to another load."""
        column = self.column(C_DLT_LOAD_ID)
        return sql.Update(
            this=self.table(root_name),
            expressions=[column.copy().eq(text(as_load))],
            where=sql.Where(this=is_in(column, load_ids)),
        )

    def of_loads(self, load_ids: Collection[str]) -> sql.Condition:
        """Return the condition that a row of a root table is of one of *load_ids*."""
        return is_in(self.column(C_DLT_LOAD_ID), load_ids)

    def cursor_column(self, root: TTableSchema, cursor_path: str) -> TColumnSchema:
        """Return the column of a root table that holds a cursor.

        Raises:
            StateError: None does, or its values cannot be compared with points in time.
        """
        name = self._client.schema.naming.normalize_path(cursor_path.replace(".", "__"))
        column = root["columns"].get(name)
        if column is None or column.get("data_type") not in LITERAL_TYPES:
            raise StateError(
                f"rows of table {root['name']!r} that a window takes the place of cannot be found: "
                f"no column of dates holds the cursor {cursor_path!r}; use a full refresh"
            )
        return column

    def is_in_range(self, column: TColumnSchema, rows: RowRange) -> sql.Condition:
        """Return the condition that a row of a root table lies in a range."""
        value = self._stored_column(column)
        is_before = sql.LT if rows.is_end_open else sql.LTE
        before_end = is_before(this=value, expression=_literal(column, rows.end))
        return sql.and_(value.copy() >= _literal(column, rows.start), before_end)

    def span(self, root_name: str, column: TColumnSchema, condition: sql.Condition) -> sql.Select:
        """Return the query of the lowest and highest value of a column, in some root rows."""
        ends = [sql.func(name, self._stored_column(column)) for name in ("min", "max")]
        return sql.select(*ends).from_(self.table(root_name)).where(condition.copy())

    def delete_chain(
        self, tables: TSchemaTables, chain: Sequence[str], condition: sql.Condition
    ) -> list[sql.Expression]:
        """Return the deletes of the root rows that *condition* names, nested ones first."""
        conditions = {chain[0]: condition}
        for name in chain[1:]:
            parent = str(tables[name]["parent"])
            ids = sql.select(self.column(C_DLT_ID)).from_(self.table(parent))
            conditions[name] = sql.In(
                this=self.column(PARENT_ID),
                query=ids.where(conditions[parent].copy()).subquery(),
            )
        return [
            sql.delete(self.table(name)).where(conditions[name].copy()) for name in reversed(chain)
        ]

    def delete_orphans(self, tables: TSchemaTables, chain: Sequence[str]) -> list[sql.Expression]:
        """Return the deletes of nested rows whose parents a crash kept from being written."""
        statements: list[sql.Expression] = []
        for name in chain[1:]:
            nested = self.table(name)
            parent = self.table(str(tables[name]["parent"])).as_("parent_rows")
            # NOT IN would make PostgreSQL look through all parents for each nested row
            its_parent = (
                sql.select("1")
                .from_(parent)
                .where(self.column(C_DLT_ID, "parent_rows").eq(self.column(PARENT_ID, nested.name)))
            )
            statements.append(sql.delete(nested).where(sql.Exists(this=its_parent).not_()))
        return statements

    def rendered(self, statement: sql.Expression) -> str:
        """Return *statement* as text."""
        return statement.sql(dialect=self._client.capabilities.sqlglot_dialect)

    def table(self, name: str) -> sql.Table:
        """Return a table of the dataset, by its full name."""
        *path, table = self._client.sql_client.make_qualified_table_name_path(name, quote=False)
        dataset, catalog = (*reversed(path), None, None)[:2]
        return sql.table_(table, dataset, catalog, quoted=True)

    def _stored_column(self, column: TColumnSchema) -> sql.Column:
        # its name is a path that was normalized part by part: once more would change it
        name = self._client.sql_client.escape_column_name(str(column["name"]), quote=False)
        return sql.column(name, quoted=True)

    def column(self, name: str, table: str | None = None) -> sql.Column:
        """Return a column, of *table* or of whichever table of a statement has it."""
        normalized = self._client.schema.naming.normalize_identifier(name)
        return sql.column(
            self._client.sql_client.escape_column_name(normalized, quote=False), table, quoted=True
        )


def text(value: str) -> sql.Literal:
    """Return *value* as a literal."""
    return sql.Literal.string(value)


def _literal(column: TColumnSchema, value: Any) -> sql.Expression:
    """Return a value of a cursor as a literal of its column, which may be of another type."""
    data_type = str(column["data_type"])
    if data_type == "text":
        return text(value if isinstance(value, str) else value.isoformat())
    if data_type == "date":
        return sql.cast(text(ensure_pendulum_date(value).isoformat()), "date")
    moment = ensure_pendulum_datetime(value)
    if column.get("timezone") is False:
        return sql.cast(text(moment.naive().isoformat(sep=" ")), "timestamp")
    return sql.cast(text(moment.isoformat(sep=" ")), "timestamptz")


def is_in(column: sql.Column, values: Iterable[str]) -> sql.Condition:
    """Return the condition that *column* is one of *values*; false without any."""
    literals = [text(value) for value in values]
    return sql.In(this=column.copy(), expressions=literals) if literals else sql.false()
