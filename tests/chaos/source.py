"""The source of the chaos cases: orders, which grow from one batch to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dlt
import pyarrow

from tests.chaos.kill import reached

PAGE_ROWS = 2
GROWN = 2
"""The batch that follows the first: three new rows, and two that changed."""


@dlt.source(name="chaos")
def orders(disposition: str, shape: str, has_cursor: bool, batch: int):
    """Return one resource, `orders`.

    Args:
        disposition: dlt's write disposition.
        shape: `flat`, `nested` (two levels) or `arrow` (flat, as Arrow tables).
        has_cursor: Whether only rows that were updated since the last load are extracted.
        batch: How far the source has grown.
    """
    pages = pages_with_cursor if has_cursor else pages_without_cursor
    key = "number" if disposition == "merge" else None
    return dlt.resource(pages, name="orders", write_disposition=disposition, primary_key=key)(
        shape, batch
    )


@dlt.source(name="second")
def returns(batch: int):
    """Return one resource, `returns`, for a task that loads two sources."""
    return dlt.resource(pages_with_cursor, name="returns", write_disposition="append")(
        "nested", batch
    )


def orders_and_returns(batch: int) -> list[Any]:
    """Return two sources."""
    return [orders("append", "nested", True, batch), returns(batch)]


def pages_with_cursor(
    shape: str,
    batch: int,
    updated=dlt.sources.incremental("updated", initial_value=0),  # noqa: B008 - as dlt asks for it
):
    yield from pages_without_cursor(shape, batch)


def pages_without_cursor(shape: str, batch: int) -> Iterator[Any]:
    rows = [order(number, batch, is_nested=shape == "nested") for number in numbers(batch)]
    for start in range(0, len(rows), PAGE_ROWS):
        page = rows[start : start + PAGE_ROWS]
        yield pyarrow.Table.from_pylist(page) if shape == "arrow" else page
        reached("in extract")


def numbers(batch: int) -> range:
    return range(1, 3 * batch + 2)


def order(number: int, batch: int, *, is_nested: bool) -> dict[str, Any]:
    is_changed = batch >= GROWN and number in (2, 3)
    row: dict[str, Any] = {
        "number": number,
        "updated": 10 * batch + number if is_changed else number,
        "note": f"{number} of batch {batch}" if is_changed else str(number),
    }
    if is_nested:
        # a changed order has fewer lines, so that lines that should have gone show
        row["lines"] = [
            {
                "number": number,
                "sku": sku,
                "serials": [{"number": number, "serial": f"{sku}-{i}"} for i in range(2)],
            }
            for sku in range(1 if is_changed else 2)
        ]
    return row
