"""A Dag of several months whose page the tests open, and what it has loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from tests.integration.airflow_process import AirflowProcess, Api, wait_for

RESOURCES = ("customers", "deliveries", "invoices", "orders", "payments", "products", "returns")

SHOP_SOURCE = '''
from datetime import datetime, timedelta, timezone

import dlt

FIRST = datetime(2025, 7, 1, tzinfo=timezone.utc)


def happenings(kind, until):
    """Yield what happened on each day before `until`, in some months more than in others."""
    end = datetime.fromisoformat(until).replace(tzinfo=timezone.utc)
    for day in range((end - FIRST).days):
        busy = 1 + (day // 30 + len(kind)) % 4
        for number in range(1 + busy * ((day * day + len(kind)) % 7)):
            at = FIRST + timedelta(days=day, minutes=7 * number)
            yield {"id": day * 100 + number, "kind": kind, "at": at}


@dlt.source
def shop(until="2026-02-01"):
    @dlt.resource(primary_key="id", write_disposition="merge")
    def customers(new=dlt.sources.incremental("at", initial_value=FIRST)):
        yield from happenings("customer", until)

    @dlt.resource(write_disposition="append")
    def orders(new=dlt.sources.incremental("at", initial_value=FIRST)):
        for order in happenings("order", until):
            yield {**order, "lines": [{"sku": "A-1", "pieces": 2}, {"sku": "B-7", "pieces": 1}]}

    def appended(name):
        def rows(new=dlt.sources.incremental("at", initial_value=FIRST)):
            yield from happenings(name, until)

        return dlt.resource(rows, name=name, write_disposition="append")

    @dlt.resource(write_disposition="replace")
    def products():
        yield [{"sku": "A-1", "name": "Anvil"}, {"sku": "B-7", "name": "Bellows"}]

    return [customers, orders, products, *map(appended, APPENDED)]


APPENDED = ["deliveries", "invoices", "payments", "returns"]
'''

SHOP_DAG = """
from airflow.sdk import Param

from airflow_dlt_provider import DltDag

dag = DltDag(
    "shop",
    "shop_source:shop",
    source_kwargs={"until": "{{ params.until }}"},
    params={"until": Param("2026-02-01", type="string", format="date")},
)
"""


class Row(NamedTuple):
    """What tells of a row by which load it came."""

    id: int
    day: str
    load_id: str


Tables = dict[str, list[Row]]


class Shop:
    """The Dag and its tables."""

    def __init__(self, airflow: AirflowProcess, api: Api) -> None:
        self.airflow = airflow
        self.api = api
        api.wait_for_dag("shop")

    def run(self, until: str) -> str:
        """Let an ordinary run succeed."""
        run_id = self.api.trigger("shop", {"until": until})
        self.wait(run_id)
        return run_id

    def wait(self, run_id: str) -> None:
        """Wait for the success of a run."""

        def end() -> str | None:
            state = self.api.run_state("shop", run_id)
            return state if state in ("success", "failed") else None

        assert wait_for(f"the end of {run_id}", end) == "success"

    def tables(self) -> Tables:
        """Return the rows of all tables with a cursor, by id."""
        names = (name for name in RESOURCES if name != "products")
        return {name: [Row(*row) for row in self.query(ROWS.format(name))] for name in names}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the DuckDB file."""
        with duckdb.connect(str(self.airflow.data / "shop.duckdb"), read_only=True) as database:
            database.execute("use shop.shop")
            return database.execute(sql).fetchall()


ROWS = """
select id, strftime("at" at time zone 'UTC', '%Y-%m-%d'), _dlt_load_id from {} order by id, 3
"""


def write_shop(folder: Path) -> None:
    """Write the Dag into a Dags folder."""
    (folder / "shop_source.py").write_text(SHOP_SOURCE)
    (folder / "shop.py").write_text(SHOP_DAG)
