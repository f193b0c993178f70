"""dlt's own sources by configuration alone, planned and loaded task by task without Airflow."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.registry.project import read_project
from airflow_dlt_provider.core.spec import (
    ConnectionValues,
    DestinationSpec,
    LoadRequest,
    RunIdentity,
)
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from tests.core.conftest import read_rows


@pytest.fixture
def load_source(tmp_path):
    """Loads the one source of a `sources.yml`; every call is a run on a fresh worker."""
    store = MemoryStateStore()
    runs = iter(range(1, 100))

    def load(text, connection=None):
        (tmp_path / "sources.yml").write_text(text)
        project = read_project(tmp_path)
        assert [str(item) for item in project.mistakes] == []
        (source,) = project.sources
        run = next(runs)
        planned = plan_load(
            source.plan_spec(), tmp_path / "manifest.json", None, lambda _id: connection
        )
        assert planned.origin in ("source", "manifest"), planned.warnings
        spec = planned.plan
        for task in spec.tasks:
            request = LoadRequest(
                source=replace(source.source_spec(), connection=connection),
                resources=task.resource_names,
                pipeline_name=source.pipeline_name,
                task_key=task.key,
                run=RunIdentity(source.name, f"run {run}"),
                destination=DestinationSpec(dataset_name=source.dataset_name),
                data_dir=tmp_path / "data",
                working_dir=tmp_path / f"work_{run}_{task.key}",
                known_resources=spec.known_resources,
                source_names=spec.source_names,
            )
            load_task(request, store)
        tables = read_rows(tmp_path / "data" / "warehouse.duckdb", source.dataset_name)
        return {name: [dict(row) for row in rows] for name, rows in tables.items()}

    return load


COPY = """
sources:
  - name: copied
    type: dlt_native
    dlt_native:
      source_module: sql_database
      source_function: sql_database
      function_kwargs: {backend: BACKEND}
    airflow:
      source_conn_id: shop_db
      write_disposition: replace
      resource_options:
        orders: {write_disposition: append, incremental: {cursor_path: id}}
"""


@pytest.mark.parametrize("backend", ["sqlalchemy", "pyarrow"])
def test_tables_of_a_connections_database_are_copied(load_source, tmp_path, backend):
    path = tmp_path / "shop.sqlite"
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")

    def execute(*statements):
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement))

    execute(
        "create table orders (id integer primary key, total real)",
        "create table customers (id integer primary key, name text)",
        "insert into orders values (1, 1.5), (2, 2.5)",
        "insert into customers values (1, 'Ada'), (2, 'Grace')",
    )
    connection = ConnectionValues("shop_db", "sqlite", host=str(path))
    text = COPY.replace("BACKEND", backend)

    load_source(text, connection)
    execute("insert into orders values (3, 3.5)", "delete from customers where id = 1")
    tables = load_source(text, connection)

    assert sorted(row["id"] for row in tables["orders"]) == [1, 2, 3]
    assert [row["name"] for row in tables["customers"]] == ["Grace"]


FILES = """
sources:
  - name: exports
    type: dlt_native
    dlt_native:
      source_module: filesystem
      source_function: readers
      function_kwargs: {bucket_url: FOLDER, file_glob: "*.jsonl"}
    airflow:
      resources: [read_jsonl]
      resource_options:
        read_jsonl: {table_name: exports, write_disposition: replace, primary_key: id}
"""


def test_files_are_read_by_configuration(load_source, tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    for number in (1, 2):
        line = json.dumps({"id": number, "name": f"file {number}"})
        (folder / f"{number}.jsonl").write_text(f"{line}\n")

    tables = load_source(FILES.replace("FOLDER", Path(folder).as_uri()))

    assert sorted(row["name"] for row in tables["exports"]) == ["file 1", "file 2"]


MISSING = COPY.replace("airflow:\n      source_conn_id: shop_db", "airflow:").replace(
    "backend: BACKEND", "credentials: 'sqlite:///no/such/folder/shop.db'"
)


def test_a_database_that_cannot_be_read_is_told_of_without_its_tables(tmp_path):
    (tmp_path / "sources.yml").write_text(MISSING)
    (source,) = read_project(tmp_path).sources

    planned = plan_load(source.plan_spec(), tmp_path / "manifest.json")

    assert planned.origin == "whole source"
    assert "unable to open database file" in planned.warnings[0]


DATED = """
sources:
  - name: copied
    type: dlt_native
    dlt_native:
      source_module: sql_database
      source_function: sql_database
      function_kwargs: {backend: BACKEND}
    airflow:
      source_conn_id: shop_db
      resource_options:
        orders:
          write_disposition: merge
          primary_key: id
          incremental: {cursor_path: changed_at, initial_value: 2024-01-02}
"""


@pytest.mark.parametrize("backend", ["sqlalchemy", "pyarrow"])
def test_a_day_is_where_a_cursor_of_points_in_time_starts(load_source, tmp_path, backend):
    path = tmp_path / "shop.sqlite"
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    columns = (
        sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True),
        sqlalchemy.Column("changed_at", sqlalchemy.DateTime),
    )
    orders = sqlalchemy.Table("orders", sqlalchemy.MetaData(), *columns)
    orders.metadata.create_all(engine)

    def add(number, day):
        with engine.begin() as connection:
            values = {"id": number, "changed_at": datetime(2024, 1, day, 8)}
            connection.execute(orders.insert().values(values))

    add(1, day=1)
    add(2, day=2)
    connection = ConnectionValues("shop_db", "sqlite", host=str(path))
    text = DATED.replace("BACKEND", backend)

    first = load_source(text, connection)
    add(3, day=3)
    second = load_source(text, connection)

    assert [row["id"] for row in first["orders"]] == [2]
    assert sorted(row["id"] for row in second["orders"]) == [2, 3]
