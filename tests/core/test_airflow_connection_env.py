"""Airflow connections in the environment, where there is no Airflow."""

import json

import pytest

from airflow_dlt_provider.core.errors import ConnectionNotFoundError
from airflow_dlt_provider.core.registry.airflow_connection_env import connection_from_environment


def read(text, conn_id="my_db"):
    values = connection_from_environment(conn_id, {"AIRFLOW_CONN_MY_DB": text})
    kept = ("conn_type", "host", "port", "login", "password", "schema", "extra")
    return {name: getattr(values, name) for name in kept if getattr(values, name)}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "postgresql://me:a%2Fb@db.example.com:5433/shop?sslmode=require",
            {
                "conn_type": "postgres", "host": "db.example.com", "port": 5433, "login": "me",
                "password": "a/b", "schema": "shop", "extra": {"sslmode": "require"},
            },
        ),
        (
            "google-cloud-platform://?__extra__=%7B%22project%22%3A+%22p%22%7D",
            {"conn_type": "google_cloud_platform", "extra": {"project": "p"}},
        ),
        ("duckdb:///%2Fdata%2Fx.duckdb", {"conn_type": "duckdb", "schema": "/data/x.duckdb"}),
        ("http://https://api.example.com", {"conn_type": "http", "host": "https://api.example.com"}),
        (
            json.dumps({"conn_type": "postgres", "host": "h", "port": "5432", "extra": {"a": 1}}),
            {"conn_type": "postgres", "host": "h", "port": 5432, "extra": {"a": 1}},
        ),
        (
            json.dumps({"conn_type": "aws", "login": "k", "extra": '{"region_name": "eu"}'}),
            {"conn_type": "aws", "login": "k", "extra": {"region_name": "eu"}},
        ),
    ],
)  # fmt: skip
def test_a_connection_is_read_as_airflow_does(text, values):
    assert read(text) == values


@pytest.mark.parametrize("text", ["canary", '{"host": "canary"}', "{canary", "x://canary:port/"])
def test_what_is_no_connection_is_refused_without_a_word_of_it(text):
    with pytest.raises(ConnectionNotFoundError) as caught:
        read(text)

    assert "AIRFLOW_CONN_MY_DB is neither a URI nor a JSON object" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_connection_that_is_not_there_names_its_variable():
    with pytest.raises(ConnectionNotFoundError, match="AIRFLOW_CONN_OTHER is not set"):
        read("x://y", "other")


def test_a_sync_loads_into_a_connection(declared, monkeypatch, tmp_path):
    database = tmp_path / "other" / "shop.duckdb"
    database.parent.mkdir()
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "duckdb", "host": str(database)})
    )
    declared.declare(extra="    airflow: {destination: 'conn_id:warehouse'}\n")

    done = declared.sync("--select", "orders")

    assert database.is_file(), done.output
    assert "conn_id:warehouse" in declared.sync("--dry-run").stdout


def test_a_connection_that_is_missing_fails_its_source_alone(declared):
    declared.declare(extra="    airflow: {destination: 'conn_id:warehouse'}\n")
    declared.declare(name="other")

    document = declared.document("--select", "orders", code=1)

    assert {item["name"]: item["status"] for item in document["sources"]} == {
        "shop": "failed",
        "other": "success",
    }


def test_a_source_reads_from_a_connection(declared, monkeypatch):
    declared.write(
        "custom_sources/reads.py",
        "import dlt\n@dlt.resource\ndef reads(credentials=None):\n"
        "    yield {'got': str(credentials).replace('canary-secret', 'it')}\n",
    )
    monkeypatch.setenv("AIRFLOW_CONN_DB", "postgres://me:canary-secret@h:5432/x")
    declared.declare(
        name="reads", module="reads", function="reads", extra="    airflow: {source_conn_id: db}\n"
    )

    done = declared.sync()

    ((row,),) = [declared.tables("raw_reads")["reads"]]
    assert row[0][1].endswith("://me:it@h:5432/x")
    assert "canary" not in done.output
