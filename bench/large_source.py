"""One large table, as dictionaries or as Arrow tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.plain import Place

MODULE = "large_source"
RESOURCE = "events"
KINDS = ("dictionaries", "Arrow tables")

SOURCE = """
from datetime import datetime, timedelta, timezone

import dlt

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
PAGE = 10_000
ARROW_PAGE = 100_000


def row(number):
    return {
        "id": number,
        "name": f"name of {number}",
        "amount": number * 1.25,
        "is_active": number % 3 == 0,
        "country": ("DE", "FR", "IT", "US")[number % 4],
        "created_at": START + timedelta(seconds=number),
    }


def pages(rows):
    for first in range(0, rows, PAGE):
        yield [row(number) for number in range(first, min(first + PAGE, rows))]


def arrow_pages(rows):
    import numpy
    import pyarrow

    for first in range(0, rows, ARROW_PAGE):
        ids = numpy.arange(first, min(first + ARROW_PAGE, rows))
        yield pyarrow.table(
            {
                "id": ids,
                "name": pyarrow.array([f"name of {number}" for number in ids]),
                "amount": ids * 1.25,
                "is_active": ids % 3 == 0,
                "country": pyarrow.array(numpy.array(["DE", "FR", "IT", "US"])[ids % 4]),
                "created_at": pyarrow.array(
                    numpy.datetime64("2026-01-01", "us") + ids.astype("timedelta64[s]"),
                    pyarrow.timestamp("us", "UTC"),
                ),
            }
        )


@dlt.source
def large(rows: int, as_arrow: bool):
    def events():
        yield from (arrow_pages if as_arrow else pages)(rows)

    return dlt.resource(events, write_disposition="append")
"""


def place_of(
    folder: Path, destination: str, dataset: str, kind: str, rows: int, where: Mapping[str, str]
) -> Place:
    """Return what is loaded by one load of the table into a dataset of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{MODULE}.py").write_text(SOURCE)
    return Place(
        folder,
        destination,
        dataset,
        f"{MODULE}:large",
        {"rows": rows, "as_arrow": kind != KINDS[0]},
        where,
        resource=RESOURCE,
    )
