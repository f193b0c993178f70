"""The statements that take rows of loads out of a SQL destination, in its own dialect."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from dlt.common.schema.typing import C_DLT_ID, C_DLT_LOAD_ID, TSchemaTables
from dlt.destinations.job_client_impl import SqlJobClientBase
from sqlglot import expressions as sql

PARENT_ID = "_dlt_parent_id"


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

    def delete_chain(
        self, tables: TSchemaTables, chain: Sequence[str], load_ids: Collection[str]
    ) -> list[sql.Expression]:
        """Return the deletes of rows of *load_ids*, the most deeply nested first."""
        conditions = {chain[0]: is_in(self.column(C_DLT_LOAD_ID), load_ids)}
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

    def column(self, name: str, table: str | None = None) -> sql.Column:
        """Return a column, of *table* or of whichever table of a statement has it."""
        normalized = self._client.schema.naming.normalize_identifier(name)
        return sql.column(
            self._client.sql_client.escape_column_name(normalized, quote=False), table, quoted=True
        )


def text(value: str) -> sql.Literal:
    """Return *value* as a literal."""
    return sql.Literal.string(value)


def is_in(column: sql.Column, values: Iterable[str]) -> sql.Expression:
    """Return the condition that *column* is one of *values*; false without any."""
    literals = [text(value) for value in values]
    return sql.In(this=column.copy(), expressions=literals) if literals else sql.false()
