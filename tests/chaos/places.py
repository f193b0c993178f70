"""Destinations of the chaos cases, and reading what is in them past dlt."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
import psycopg2
import pyarrow.parquet

from airflow_dlt_provider.core.spec import DestinationSpec

ROW_IDS = frozenset(("_dlt_id", "_dlt_load_id", "_dlt_parent_id", "_dlt_root_id"))
PIPELINE = "chaos"

Rows = list[dict[str, Any]]


class Place(ABC):
    """A dataset of one case."""

    @abstractmethod
    def destination(self) -> DestinationSpec:
        """Say where to load to."""

    @abstractmethod
    def read(self) -> dict[str, Rows]:
        """Return all tables, without those of staging."""

    def drop(self) -> None:
        """Remove what does not go with the case's folder."""
        return


@dataclass
class DuckDbPlace(Place):
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / f"{PIPELINE}.duckdb"

    def destination(self) -> DestinationSpec:
        return DestinationSpec()

    def read(self) -> dict[str, Rows]:
        if not self.path.exists():
            return {}
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return _read_all(connection.cursor(), PIPELINE)


@dataclass
class PostgresPlace(Place):
    url: str
    dataset_name: str

    def destination(self) -> DestinationSpec:
        return DestinationSpec(dlt.destinations.postgres(self.url), self.dataset_name)

    def read(self) -> dict[str, Rows]:
        connection = psycopg2.connect(self.url)
        try:
            with connection.cursor() as cursor:
                return _read_all(cursor, self.dataset_name)
        finally:
            connection.close()

    def drop(self) -> None:
        connection = psycopg2.connect(self.url)
        try:
            with connection, connection.cursor() as cursor:
                for name in (self.dataset_name, f"{self.dataset_name}_staging"):
                    cursor.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')
        finally:
            connection.close()


@dataclass
class FilesPlace(Place):
    folder: Path

    def destination(self) -> DestinationSpec:
        bucket = dlt.destinations.filesystem(f"file://{self.folder / 'bucket'}")
        return DestinationSpec(bucket, PIPELINE, loader_file_format="parquet")

    def read(self) -> dict[str, Rows]:
        tables: dict[str, Rows] = {}
        dataset = self.folder / "bucket" / PIPELINE
        for path in sorted(dataset.glob("*/*")):
            if path.suffix == ".parquet":
                rows = pyarrow.parquet.ParquetFile(path).read().to_pylist()
            elif path.suffix == ".jsonl":
                rows = [json.loads(line) for line in path.read_text().splitlines()]
            else:
                continue
            tables.setdefault(path.parent.name, []).extend(rows)
        return tables


def _read_all(cursor: Any, dataset_name: str) -> dict[str, Rows]:
    cursor.execute(
        "SELECT table_name FROM information_schema.tables"
        f" WHERE table_schema = '{dataset_name}' ORDER BY table_name"
    )
    names = [name for (name,) in cursor.fetchall()]
    return {name: _read_table(cursor, dataset_name, name) for name in names}


def _read_table(cursor: Any, dataset_name: str, name: str) -> Rows:
    # DuckDB cannot tell a dataset from a file of the same name
    catalog = f"{PIPELINE}." if dataset_name == PIPELINE else ""
    cursor.execute(f'SELECT * FROM {catalog}"{dataset_name}"."{name}"')
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def content(tables: dict[str, Rows]) -> dict[str, Counter[str]]:
    """Return table -> its rows, counted, without what dlt makes up anew for every row."""
    return {
        name: Counter(_shown(row) for row in rows)
        for name, rows in tables.items()
        if not name.startswith("_dlt") and rows
    }


def _shown(row: dict[str, Any]) -> str:
    return repr({key: row[key] for key in sorted(row) if key not in ROW_IDS})


def difference(found: dict[str, Counter[str]], clean: dict[str, Counter[str]]) -> list[str]:
    """Return the rows that are too many and those that are missing."""
    lines = []
    for name in sorted({*found, *clean}):
        there, wanted = found.get(name, Counter()), clean.get(name, Counter())
        lines += [f"{name}: too many: {row}" for row in (there - wanted).elements()]
        lines += [f"{name}: missing: {row}" for row in (wanted - there).elements()]
    return lines


def faults(tables: dict[str, Rows]) -> list[str]:
    """Return what is wrong with tables, whatever their rows should be."""
    finished = {row["load_id"] for row in tables.get("_dlt_loads", []) if row["status"] == 0}
    found = []
    for name, rows in tables.items():
        if name.startswith("_dlt"):
            continue
        if "__" in name:
            parents = {row["_dlt_id"]: row for row in tables[name.rpartition("__")[0]]}
            for row in rows:
                parent = parents.get(row["_dlt_parent_id"])
                if parent is None or parent["number"] != row["number"]:
                    found.append(f"{name}: a row of order {row['number']} has no parent")
        else:
            unfinished = {row["_dlt_load_id"] for row in rows} - finished
            found += [
                f"{name}: rows of load {load_id}, which never ended" for load_id in unfinished
            ]
    return sorted(set(found))
