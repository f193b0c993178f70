"""Statements of the SQL state store that write rows, in constructs that every database takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, select
from sqlalchemy.engine import Connection

from airflow_dlt_provider.core.state.sql_schema import loads

Row = Mapping[str, Any]


def upsert(connection: Connection, table: Table, key: str, rows: Sequence[Row]) -> None:
    """Write *rows*; one whose pipeline and *key* are there already replaces that, in its place.

    Raises:
        sqlalchemy.exc.IntegrityError: Another wrote one of the rows for the first time meanwhile.
    """
    for pipeline_name, group in _by_pipeline(rows).items():
        column = table.c[key]
        of_pipeline = table.c.pipeline_name == pipeline_name
        last = {row[key]: row for row in group}
        present = select(column).where(of_pipeline, column.in_(list(last)))
        known = set(connection.execute(present).scalars())
        if changed := [row for name, row in last.items() if name in known]:
            # a parameter may not have the name of a column
            written = [name for name in changed[0] if name not in (key, "pipeline_name")]
            connection.execute(
                table.update()
                .where(of_pipeline, column == bindparam("the_key"))
                .values({name: bindparam(f"new_{name}") for name in written}),
                [
                    {"the_key": row[key], **{f"new_{name}": row[name] for name in written}}
                    for row in changed
                ],
            )
        if new := [dict(row) for name, row in last.items() if name not in known]:
            connection.execute(table.insert(), new)


def forget_old_loads(connection: Connection, rows: Sequence[Row], kept: int) -> None:
    """Delete all but the last *kept* loads of every resource in *rows*.

    As this is done whenever a load is recorded, it reads few rows more than are kept.
    """
    for pipeline_name, group in _by_pipeline(rows).items():
        newest_first = func.row_number().over(
            partition_by=loads.c.resource_name, order_by=loads.c.id.desc()
        )
        ranked = (
            select(loads.c.id, newest_first.label("place"))
            .where(
                loads.c.pipeline_name == pipeline_name,
                loads.c.resource_name.in_({row["resource_name"] for row in group}),
            )
            .subquery()
        )
        old = select(ranked.c.id).where(ranked.c.place > kept)
        connection.execute(delete(loads).where(loads.c.id.in_(old)))


def _by_pipeline(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["pipeline_name"], []).append(row)
    return groups
