"""A shop whose rows have dates, and that is loaded like tasks do."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone

import duckdb

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.spec import RunIdentity, Window

SHOP = """
from datetime import datetime, timezone
from typing import Optional
import dlt
import pendulum

@dlt.source
def shop(days, version=1):
    def rows(at):
        return [
            {"day": day, "at": at(day), "version": version, "parts": [{"of": day}]}
            for day in days
        ]

    def moment(day):
        return datetime(2026, 1, day, 12, tzinfo=timezone.utc)

    start = pendulum.datetime(2026, 1, 3)

    @dlt.resource(write_disposition="append")
    def appended(new=dlt.sources.incremental("at", initial_value=start)):
        yield rows(moment)

    @dlt.resource(write_disposition="append")
    def typed(new: dlt.sources.incremental[datetime] = dlt.sources.incremental("at")):
        yield rows(moment)

    @dlt.resource(write_disposition="append")
    def by_text(new=dlt.sources.incremental("at", initial_value="2026-01-01T00:00:00Z")):
        yield rows(lambda day: moment(day).strftime("%Y-%m-%dT%H:%M:%SZ"))

    @dlt.resource(write_disposition="append", columns={"at": {"data_type": "text"}})
    def as_text(new=dlt.sources.incremental("at", initial_value="2026-01-01")):
        yield rows(lambda day: f"2026-01-{day:02}")

    @dlt.resource(write_disposition="append")
    def by_date(new=dlt.sources.incremental("at", initial_value=start.date())):
        yield rows(lambda day: moment(day).date())

    @dlt.resource(write_disposition="append", columns={"at": {"timezone": False}})
    def naive(new=dlt.sources.incremental("at", initial_value=datetime(2026, 1, 1))):
        yield rows(lambda day: moment(day).replace(tzinfo=None))

    @dlt.resource(write_disposition="append")
    def bound(new: Optional[dlt.sources.incremental[datetime]] = None):
        yield rows(moment)

    @dlt.resource(write_disposition="merge", primary_key="day")
    def merged(new=dlt.sources.incremental("at", initial_value=start)):
        yield rows(moment)

    @dlt.resource(write_disposition="append")
    def open_ended(new=dlt.sources.incremental("at", initial_value=start, range_start="open")):
        yield rows(moment)

    @dlt.resource(write_disposition="append")
    def nested(new=dlt.sources.incremental("of.at", initial_value=start)):
        yield [{"day": row["day"], "version": version, "of": row} for row in rows(moment)]

    @dlt.resource(write_disposition="append")
    def scheduled(
        new=dlt.sources.incremental("at", initial_value=start, allow_external_schedulers=True)
    ):
        yield rows(moment)

    @dlt.resource(write_disposition="append")
    def numbered(new=dlt.sources.incremental("day", initial_value=0)):
        yield rows(moment)

    @dlt.resource(write_disposition="append")
    def unknown(new=dlt.sources.incremental("at")):
        yield rows(moment)

    @dlt.resource(write_disposition="append")
    def falling(new=dlt.sources.incremental("at", initial_value=start, last_value_func=min)):
        yield rows(moment)

    @dlt.resource(write_disposition="append")
    def plain():
        yield rows(moment)

    @dlt.resource(write_disposition="replace")
    def replaced(new=dlt.sources.incremental("at", initial_value=start)):
        yield rows(moment)

    @dlt.resource(write_disposition={"disposition": "merge", "strategy": "scd2"})
    def historized(new=dlt.sources.incremental("at", initial_value=start)):
        yield rows(moment)

    @dlt.transformer(data_from=appended, write_disposition="append")
    def fed(items):
        yield items

    @dlt.transformer(data_from=appended, write_disposition="merge", primary_key="day")
    def fed_merged(items):
        yield items

    return (
        appended, typed, by_text, as_text, by_date, naive, merged, open_ended, nested, scheduled,
        numbered, unknown, falling, plain, replaced, historized, fed, fed_merged,
        bound(dlt.sources.incremental("at", initial_value=start)),
    )
"""


def day(number, hour=0):
    return datetime(2026, 1, number, hour, tzinfo=timezone.utc)


def window(first, end):
    """The days from *first* on, without *end*."""
    return Window(day(first), day(end))


class Shop:
    """Loads tasks of the shop, each run in a fresh folder, as on a fresh worker."""

    def __init__(self, load):
        self.load = load
        self.runs = 0

    def run(self, *resources, days, version=1, run_id=None, try_number=1, max_tries=0, **fields):
        self.runs += 1
        run = RunIdentity("shop_dag", run_id or f"run_{self.runs}", try_number, max_tries)
        task_key, source = fields.pop("task_key", None), fields.pop("source", "my_shop:shop")
        request = self.load.request(
            source, *resources, kwargs={"days": days, "version": version}, task_key=task_key
        )
        return load_task(dataclasses.replace(request, run=run, **fields), self.load.store)

    def rows(self, table="appended"):
        """Return (day, version) of a table, whose nested rows are checked."""
        with duckdb.connect(str(self.load.data_dir / "shop.duckdb"), read_only=True) as connection:
            rows = connection.execute(
                f"SELECT day, version, _dlt_id FROM shop.shop.{table} ORDER BY day, version"
            ).fetchall()
            parts = "of__parts" if table == "nested" else "parts"
            nested = connection.execute(
                f"SELECT r._dlt_id FROM shop.shop.{table}__{parts} p"
                f" LEFT JOIN shop.shop.{table} r ON p._dlt_parent_id = r._dlt_id"
            ).fetchall()
        assert sorted(row[0] for row in nested) == sorted(row[2] for row in rows)
        return [row[:2] for row in rows]

    def cursor(self, name="appended"):
        return self.load.store.last_load("shop", name).cursor_after


ALL = list(range(1, 29))
