"""The growing shop, loaded by plain dlt and by tasks into one dataset, and what must be there."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
import psycopg2

from airflow_dlt_provider.core.migration.known import known_resources
from airflow_dlt_provider.core.migration.place import Place
from airflow_dlt_provider.core.spec import DestinationSpec, SourceSpec
from tests.core.sources.growing import growing

SOURCES = Path(__file__).parent / "sources"

RESOURCES = ("orders", "invoices", "last_orders", "products", "customers", "events")

TREE = ("orders", "invoices", "last_orders")


@dataclass
class GrowingShop:
    """One dataset, and those who load into it."""

    load: Any
    plan: Any
    destination: Callable[[], Any]
    query: Callable[[str], list[tuple[Any, ...]]]
    dataset: str

    def plain_pipeline(self, name: str = "legacy") -> dlt.Pipeline:
        """Return a plain pipeline that keeps nothing on this disk."""
        return dlt.pipeline(
            name,
            pipelines_dir=str(self.load.folder / "plain" / uuid.uuid4().hex),
            destination=self.destination(),
            dataset_name=self.dataset,
        )

    def run_plain(self, upto: int, name: str = "legacy", resources: Iterable[str] = ()) -> None:
        """Load as a script does, on a fresh machine."""
        source = growing(upto)
        if resources:
            source = source.with_resources(*resources)
        pipeline = self.plain_pipeline(name)
        pipeline.run(source)
        pipeline.deactivate()

    def load_resource(self, name: str, upto: int, task_key: str | None = None) -> Any:
        """Load as the task of one resource does."""
        return self._load((name,), upto, task_key or name)

    def load_all(
        self, upto: int, decompose: str = "resource", max_tasks: int | None = None
    ) -> None:
        """Load every task of a plan, as one run of a Dag does."""
        kwargs = {"upto": upto}
        grouping = {"decompose": decompose, "max_tasks": max_tasks}
        planned = self.plan("growing:growing", base_dir=SOURCES, kwargs=kwargs, **grouping)
        for task in planned.plan.tasks:
            self._load(task.resource_names, upto, task.key)

    def place(self) -> Place:
        """Return the dataset as commands know it."""
        return Place(
            "shop",
            SOURCES,
            self.load.data_dir,
            DestinationSpec(self.destination(), self.dataset),
            lock_timeout_seconds=10,
        )

    def known(self) -> list[Any]:
        """Return the resources of the source."""
        return known_resources(SourceSpec("growing:growing", SOURCES, {"upto": 1}))

    def rows(self, table: str, columns: str = "number") -> list[Any]:
        """Return sorted rows, as plain values where there is one column."""
        rows = self.query(f'SELECT {columns} FROM {self.dataset}."{table}"')
        return sorted(row[0] if len(row) == 1 else row for row in rows)

    def assert_loaded_once(self, upto: int, tables: Iterable[str] = RESOURCES) -> None:
        """Compare every table with one clean load of everything up to *upto*."""
        numbers = list(range(1, upto + 1))
        latest = {n % 3: n for n in numbers}
        versions = {n % 4: n for n in numbers}
        expected = {
            "orders": ("number", numbers),
            "invoices": ("number", numbers),
            "last_orders": ("customer, number", sorted(latest.items())),
            "products": ("sku, version", sorted(versions.items())),
            "customers": ("customer, orders", [(n, upto) for n in range(3)]),
            "events": ("number", numbers),
        }
        for table in tables:
            columns, rows = expected[table]
            assert (table, self.rows(table, columns)) == (table, rows)
        nested = {
            "orders": ("orders__lines", "sku", sorted([*numbers, *[0] * upto])),
            "invoices": ("invoices__positions", "sku", sorted([*numbers, *[0] * upto])),
            "products": ("products__sizes", "value", sorted([*versions.values()] * 2)),
        }
        for table, (name, columns, rows) in nested.items():
            if table in tables:
                assert (name, self.rows(name, columns)) == (name, rows)

    def _load(self, resources: tuple[str, ...], upto: int, task_key: str) -> Any:
        return self.load(
            "growing:growing",
            *resources,
            kwargs={"upto": upto},
            base_dir=SOURCES,
            task_key=task_key,
            destination=self.destination(),
            dataset_name=self.dataset,
        )


def duckdb_shop(load: Any, plan: Any) -> GrowingShop:
    """Return a shop in a DuckDB file."""
    file = load.data_dir / "lake.duckdb"
    file.parent.mkdir(parents=True, exist_ok=True)

    def query(text: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(file)) as connection:
            return connection.execute(text).fetchall()

    return GrowingShop(load, plan, lambda: dlt.destinations.duckdb(str(file)), query, "raw")


def postgres_shop(load: Any, plan: Any, url: str) -> GrowingShop:
    """Return a shop in a dataset of its own on a PostgreSQL server."""

    def query(text: str) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall()
        finally:
            connection.close()

    dataset = f"raw_{uuid.uuid4().hex[:8]}"
    return GrowingShop(load, plan, lambda: dlt.destinations.postgres(url), query, dataset)
