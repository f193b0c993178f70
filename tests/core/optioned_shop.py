"""A shop of which things are said without Python, planned and loaded as a run of a Dag does."""

from __future__ import annotations

from typing import Any

import duckdb

from airflow_dlt_provider.core.planning.plan import LoadPlan
from airflow_dlt_provider.core.source_options import SourceOptions

SHOP = """
from datetime import date, datetime, timezone
import dlt

def order(id, upto):
    return {
        "id": id,
        "day": date(2026, 1, id),
        "text": f"2026-01-{id:02}",
        "at": datetime(2026, 1, id, 12, tzinfo=timezone.utc),
        "naive": datetime(2026, 1, id, 12),
        "price": f"{id}.50",
        "upto": upto,
        "lines": [{"sku": id, "bits": [{"bit": id}]}],
    }

@dlt.source
def shop(upto=3):
    @dlt.resource
    def orders():
        for id in range(1, upto + 1):
            yield order(id, upto)

    @dlt.resource
    def customers():
        yield [{"id": id, "upto": upto} for id in range(1, upto + 1)]

    @dlt.transformer(data_from=orders)
    def invoices(order):
        yield {"id": order["id"], "upto": upto, "lines": order["lines"]}

    return orders, customers, invoices

@dlt.source(name="branch")
def branch():
    @dlt.resource
    def orders():
        yield [{"id": 1}]

    return orders

def both():
    return [shop(), branch()]
"""


class Shop:
    """Loads all that is planned, each task on a fresh worker."""

    def __init__(self, plan: Any, load: Any, *, decompose: str = "resource", **fields: Any) -> None:
        self._plan, self._load = plan, load
        self.decompose = decompose
        self._fields = {"source": "my_shop:shop", **fields}

    def plan(self, said: dict[str, Any], **spec: Any) -> LoadPlan:
        options = SourceOptions.model_validate(said)
        fields = {"decompose": self.decompose, **self._fields, **spec}
        return self._plan(fields.pop("source"), options=options, **fields).plan

    def run(self, said: dict[str, Any], upto: int = 3, **spec: Any) -> None:
        kwargs = {"upto": upto}
        options = SourceOptions.model_validate(said)
        for task in self.plan(said, kwargs=kwargs, **spec).tasks:
            self._load(
                self._fields["source"],
                *task.resource_names,
                kwargs=kwargs,
                configure=self._fields.get("configure"),
                options=options,
                task_key=task.key,
            )

    def query(self, text: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self._load.data_dir / "shop.duckdb"), read_only=True) as connection:
            connection.execute("SET search_path = 'shop.shop'")
            return connection.execute(text).fetchall()

    def rows(self, table: str, columns: str = "id") -> list[Any]:
        """Return sorted rows, as plain values where there is one column."""
        rows = self.query(f"SELECT {columns} FROM {table}")
        return sorted(row[0] if len(row) == 1 else row for row in rows)

    def tables(self) -> set[str]:
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop'"
        return {row[0] for row in self.query(query) if not row[0].startswith("_dlt")}

    def columns(self, table: str) -> dict[str, str]:
        return {row[0]: row[1] for row in self.query(f"DESCRIBE {table}")}

    def planned(self, said: dict[str, Any], name: str = "orders", **spec: Any) -> Any:
        """Return what is planned of one resource."""
        plan = self.plan(said, **spec)
        resources = plan.task_of(name).resources
        return next(resource for resource in resources if resource.name == name)
