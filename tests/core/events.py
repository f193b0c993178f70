"""A shop with one appended resource, with a cursor and nested rows."""

import duckdb

EVENTS = """
import dlt

@dlt.source
def shop(ids):
    @dlt.resource(write_disposition="append")
    def events(new=dlt.sources.incremental("id")):
        yield [{"id": id, "parts": [{"of": id}]} for id in ids]
    return events
"""


def table_ids(load):
    """Return the ids in the table, whose nested rows are checked."""
    with duckdb.connect(str(load.data_dir / "shop.duckdb"), read_only=True) as connection:
        nested = connection.execute("SELECT of FROM shop.shop.events__parts ORDER BY of").fetchall()
        rows = connection.execute("SELECT id FROM shop.shop.events ORDER BY id").fetchall()
    assert nested == rows, "nested rows go with their parents"
    return [row[0] for row in rows]


def gone(*args, **kwargs):
    """Stand in for a step whose connection is lost."""
    raise ConnectionError("gone")
