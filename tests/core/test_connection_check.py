"""Connecting to find out whether a connection works, without Airflow."""

import sqlite3

import pytest

from airflow_dlt_provider.core.registry.connection_check import check_connection
from tests.core.connection_cases import SECRET, connection, dlt_connection


def test_a_file_is_asked_and_none_is_made(tmp_path):
    values = connection("sqlite", host=str(tmp_path / "shop.db"))

    assert check_connection(values, tmp_path)[0] is False
    assert list(tmp_path.glob("*.db")) == []

    sqlite3.connect(tmp_path / "shop.db").execute("CREATE TABLE orders (id INTEGER)")
    works = (True, "connected to sqlalchemy and ran SELECT 1")
    assert check_connection(values, tmp_path) == works


def test_a_destination_that_only_answers_is_asked_whether_it_is_there(tmp_path):
    values = dlt_connection("dummy", {"config": {"completed_prob": 1.0}})

    assert check_connection(values, tmp_path) == (True, "connected to dummy")


@pytest.mark.parametrize(
    "values",
    [
        connection("postgres", host="127.0.0.1", port=1, login="u", password=SECRET, schema="d"),
        connection("trino", {"sqlalchemy_scheme": "no+such"}, host="127.0.0.1", password=SECRET),
        connection("aws", {"role_arn": "arn"}, login="k", password=SECRET),
        connection("unheard_of", password=SECRET),
        dlt_connection("sqlalchemy", {"secret_credentials": f"no-such+driver://u:{SECRET}@h/d"}),
        dlt_connection("postgres", {"secret_credentials": f"{SECRET} is no URL"}),
    ],
    ids=lambda values: values.conn_type,
)
def test_a_failure_is_an_answer_that_shows_no_secret(values, tmp_path):
    works, message = check_connection(values, tmp_path)

    assert works is False
    assert message
    assert "c4n4ry" not in message
