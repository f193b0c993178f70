"""Tasks of one run that load at the same moment, each in a process of its own."""

import json
from pathlib import Path

import duckdb
import psycopg2
import pytest

TABLES = [f"table_{number}" for number in range(6)]

SCRIPT = Path(__file__).parent / "processes" / "load_table.py"


@pytest.fixture
def load_together(start_python, tmp_path):
    """Load six tables in six processes that wait for each other."""

    def load_together(**arguments):
        processes = [
            start_python(
                str(SCRIPT),
                json.dumps(
                    {"table": table, "folder": str(tmp_path), "processes": len(TABLES)} | arguments
                ),
            )
            for table in TABLES
        ]
        outputs = [process.communicate(timeout=180) for process in processes]
        failures = [
            error
            for process, (_, error) in zip(processes, outputs, strict=True)
            if process.returncode
        ]
        assert failures == []
        return [json.loads(output) for output, _ in outputs]

    return load_together


def test_six_tasks_load_into_one_duckdb_file_at_once(load_together, tmp_path):
    results = load_together(align="start", destination=None)

    assert [result["resources"][0]["resource_name"] for result in results] == TABLES
    with duckdb.connect(str(tmp_path / "many.duckdb"), read_only=True) as connection:
        for table in TABLES:
            rows = connection.execute(f"SELECT count(*) FROM many.many.{table}").fetchone()
            assert rows == (10,)
        loads = connection.execute("SELECT count(*) FROM many.many._dlt_loads").fetchone()
        assert loads == (6,)


def test_six_first_loads_into_a_fresh_dataset_of_postgresql_succeed_together(
    load_together, postgres_url
):
    load_together(align="load", destination=postgres_url)

    connection = psycopg2.connect(postgres_url)
    try:
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"SELECT count(*) FROM many.{table}")
                assert cursor.fetchone() == (10,)
            cursor.execute("SELECT count(*), count(DISTINCT schema_name) FROM many._dlt_loads")
            assert cursor.fetchone() == (6, 6)
    finally:
        connection.close()
