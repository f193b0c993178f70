"""Six tables without anything between them."""

import dlt

TABLES = 6


@dlt.source
def many():
    for number in range(TABLES):
        yield dlt.resource([{"id": i} for i in range(10)], name=f"table_{number}")
