"""The hook, with connections that a real Airflow finds, to what is really there."""

import json
import sqlite3
from pathlib import Path

import duckdb
import pytest
from airflow.sdk.exceptions import AirflowException
from airflow.sdk.log import redact
from dlt.sources.filesystem import filesystem
from dlt.sources.sql_database import sql_database
from sqlalchemy.engine import make_url

from airflow_dlt_provider import DltHook
from airflow_dlt_provider.core.errors import (
    ConnectionFieldError,
    ConnectionParameterError,
    ConnectionUseError,
)
from airflow_dlt_provider.hooks.dlt import read_connection
from airflow_dlt_provider.provider_info import get_provider_info

CANARY = "c4n4ry-p@ss/w:rd"


@pytest.fixture
def connect(monkeypatch):
    """Put a connection into the environment, as a JSON object or a URI; return its hook."""

    def connect(conn_type=None, *, uri=None, extra=None, **fields):
        named = {"conn_type": conn_type, "extra": extra or {}, **fields}
        monkeypatch.setenv("AIRFLOW_CONN_TRIED", uri or json.dumps(named))
        return DltHook("tried")

    return connect


@pytest.fixture
def postgres(postgres_url):
    """The fields of a connection to a running PostgreSQL."""
    url = make_url(postgres_url)
    return {
        "host": url.host,
        "port": url.port,
        "login": url.username,
        "password": url.password,
        "schema": url.database,
    }


# looking connections up


def test_a_connection_is_read_although_its_provider_is_not_installed(connect):
    connect("snowflake", login="loader", password=CANARY, extra={"account": "a", "database": "d"})

    values = read_connection("tried")

    assert (values.conn_id, values.conn_type, values.login) == ("tried", "snowflake", "loader")
    assert values.extra == {"account": "a", "database": "d"}
    assert DltHook("tried").get_conn().destination_name == "snowflake"


def test_a_connection_is_read_from_a_uri(connect):
    connect(uri="postgresql://loader:p%40ss@db.example.com:5433/shop?sslmode=require")

    values = read_connection("tried")

    assert (values.conn_type, values.host, values.port) == ("postgres", "db.example.com", 5433)
    assert (values.password, values.schema) == ("p@ss", "shop")
    assert values.extra == {"sslmode": "require"}


def test_a_file_may_be_given_by_a_uri(connect):
    hook = connect(uri="duckdb:////data/shop.duckdb")

    assert hook.get_source_credentials() == "duckdb:////data/shop.duckdb"


def test_secrets_are_masked_as_soon_as_a_connection_is_read(connect):
    extra = {
        "destination": "postgres",
        "secret_credentials": f"postgresql://u:url-{CANARY[:6]}@db/shop",
        "config": '{"staging": {"aws_secret_access_key": "nested-c4n4ry"}}',
    }
    connect("dlt", password=CANARY, extra=extra)

    read_connection("tried")

    for secret in (CANARY, "url-c4n4ry", "nested-c4n4ry", "c4n4ry-p%40ss%2Fw%3Ard"):
        assert redact(f"it is {secret}, says the log") == "it is ***, says the log"
    assert redact("postgres on db") == "postgres on db"


def test_an_unknown_connection_is_airflows_own_error():
    with pytest.raises(AirflowException, match="missing_one"):
        read_connection("missing_one")

    assert DltHook("missing_one").test_connection()[0] is False


def test_an_extra_that_cannot_be_read_is_an_error_without_its_text(connect):
    hook = connect("postgres", extra=f'{{"password": "{CANARY}')

    with pytest.raises(ConnectionFieldError, match="has an extra that is no JSON object") as caught:
        hook.connection_values()

    assert CANARY not in str(caught.value)
    assert hook.test_connection() == (False, str(caught.value))


def test_a_type_that_is_not_mapped_is_told_the_closest_one(connect):
    hook = connect("postgress", password=CANARY)

    with pytest.raises(ConnectionUseError, match="did you mean 'postgres'"):
        hook.get_conn()

    works, message = hook.test_connection()
    assert works is False
    assert "did you mean 'postgres'" in message


# what dlt gets


def test_a_pipeline_loads_from_one_connection_into_another(connect, monkeypatch, tmp_path):
    import dlt

    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE orders (id INTEGER)")
        database.execute("INSERT INTO orders VALUES (7)")
    database.close()
    lake = {"conn_type": "duckdb", "host": str(tmp_path / "lake.duckdb")}
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(lake))
    source = sql_database(
        **connect("sqlite", host=str(tmp_path / "shop.db")).get_source_arguments()
    )

    dlt.pipeline(
        "shop", destination=DltHook("lake").get_conn(), pipelines_dir=str(tmp_path / "work")
    ).run(source, dataset_name="raw")

    with duckdb.connect(str(tmp_path / "lake.duckdb"), read_only=True) as database:
        assert database.sql("SELECT id FROM raw.orders").fetchall() == [(7,)]


def test_a_source_of_files_gets_the_bucket_too(connect, tmp_path):
    (tmp_path / "a.csv").write_text("id\n1\n")
    hook = connect("fs", extra={"path": str(tmp_path)})

    arguments = hook.get_source_arguments(("bucket_url", "credentials"))

    assert [item["file_name"] for item in filesystem(**arguments)] == ["a.csv"]


def test_a_source_without_credentials_is_told_to_take_some(connect):
    hook = connect("sqlite", host="/data/shop.db")

    with pytest.raises(ConnectionParameterError, match="takes no 'credentials'"):
        hook.get_source_arguments(("url",))


def test_what_the_hook_returns_shows_no_secret(connect, postgres):
    hook = connect("postgres", **{**postgres, "password": CANARY})

    shown = repr([hook.get_conn(), hook.get_source_arguments(), hook.connection_values()])

    assert CANARY not in shown
    assert "c4n4ry" not in shown


# testing a connection


def test_postgres_is_really_asked(connect, postgres):
    hook = connect("postgres", **postgres)

    assert hook.test_connection() == (True, "connected to postgres and ran SELECT 1")


@pytest.mark.parametrize("conn_type", ["postgres", "redshift", "dlt"])
def test_a_wrong_password_fails_and_is_not_shown(connect, postgres, conn_type):
    extra = {"destination": "postgres"} if conn_type == "dlt" else {}
    hook = connect(conn_type, extra=extra, **{**postgres, "password": CANARY})

    works, message = hook.test_connection()

    assert works is False
    assert "password authentication failed" in message
    assert "c4n4ry" not in message


def test_our_own_type_is_really_asked(connect, postgres, postgres_url):
    by_fields = connect("dlt", extra={"destination": "postgres"}, **postgres)
    assert by_fields.test_connection() == (True, "connected to postgres and ran SELECT 1")

    extra = {"destination": "postgres", "secret_credentials": postgres_url}
    by_url = connect("dlt", extra=extra)
    assert by_url.test_connection() == (True, "connected to postgres and ran SELECT 1")

    wrong = postgres_url.replace(postgres["password"], "c4n4ry")
    works, message = connect("dlt", extra={**extra, "secret_credentials": wrong}).test_connection()
    assert works is False
    assert "password authentication failed" in message
    assert "c4n4ry" not in message


def test_a_database_of_any_kind_is_really_asked(connect, postgres):
    generic = {"sqlalchemy_scheme": "postgresql+psycopg2"}

    hook = connect("generic", extra=generic, **postgres)
    assert hook.test_connection() == (True, "connected to sqlalchemy and ran SELECT 1")

    # a type that is a source only
    hook = connect("trino", extra=generic, **{**postgres, "schema": None})
    works, message = hook.test_connection()
    assert works is False
    assert 'database "hive" does not exist' in message


def test_a_duckdb_file_is_really_opened_and_none_is_made(connect, tmp_path):
    path = tmp_path / "shop.duckdb"
    hook = connect("duckdb", host=str(path))

    works, message = hook.test_connection()
    assert works is False
    assert "database does not exist" in message
    assert not path.exists()

    duckdb.connect(str(path)).close()
    assert hook.test_connection() == (True, "connected to duckdb and ran SELECT 1")


def test_a_relative_file_lies_where_a_task_would_look_for_it(connect, data_dir):
    data_dir.mkdir()
    duckdb.connect(str(data_dir / "shop.duckdb")).close()

    assert connect("duckdb", host="shop.duckdb").test_connection()[0] is True


def test_a_sqlite_file_is_really_opened_and_none_is_made(connect, tmp_path):
    path = tmp_path / "shop.db"
    hook = connect("sqlite", host=str(path))

    works, message = hook.test_connection()
    assert works is False
    assert f"there is no file {path} yet" in message
    assert not path.exists()

    sqlite3.connect(path).close()
    path.touch()
    assert hook.test_connection() == (True, "connected to sqlalchemy and ran SELECT 1")


def test_a_folder_is_really_listed(connect, tmp_path):
    (tmp_path / "a.csv").touch()
    config = json.dumps({"bucket_url": tmp_path.as_uri()})

    for hook in (
        connect("fs", extra={"path": str(tmp_path)}),
        connect("dlt", extra={"destination": "filesystem", "config": config}),
    ):
        works, message = hook.test_connection()
        assert works is True
        assert message.endswith(": 1 entries")

    missing = str(tmp_path / "missing")
    works, message = connect("fs", extra={"path": missing}).test_connection()
    assert works is False
    assert missing in message
    assert not Path(missing).exists()


def test_a_server_that_is_not_there_fails_without_a_secret(connect):
    hook = connect("postgres", host="127.0.0.1", port=1, login="u", password=CANARY, schema="d")

    works, message = hook.test_connection()

    assert works is False
    assert "Connection refused" in message
    assert CANARY not in message


# Airflow's UI


def test_airflow_finds_the_hook_by_the_type_of_the_connection(connect):
    from airflow.providers_manager import ProvidersManager
    from airflow.sdk import Connection

    info = ProvidersManager().hooks["dlt"]
    assert (info.hook_name, info.connection_type) == ("dlt", "dlt")
    assert info.connection_testable is True

    connect("dlt", extra={"destination": "duckdb"}, schema="shop.duckdb")
    hook = Connection.get("tried").get_hook()
    assert isinstance(hook, DltHook)
    assert hook.get_conn().destination_name == "duckdb"


def test_the_form_of_the_connection_has_our_fields():
    from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

    (meta,) = (m for m in HookMetaService.hook_meta_data() if m.connection_type == "dlt")

    assert list(meta.extra_fields) == ["destination", "secret_credentials", "config"]
    assert meta.extra_fields["secret_credentials"]["schema"]["format"] == "password"
    assert meta.standard_fields.url_schema.title == "Database"


def test_airflows_api_hides_the_field_of_credentials():
    from airflow.api_fastapi.core_api.datamodels.connections import ConnectionResponse

    extra = {"destination": "postgres", "secret_credentials": f"postgresql://u:{CANARY}@db/shop"}
    shown = ConnectionResponse.redact_extra(json.dumps(extra))

    assert json.loads(shown) == {"destination": "postgres", "secret_credentials": "***"}


def test_the_fields_have_the_form_that_airflow_asks_for():
    import airflow
    import jsonschema

    schema = json.loads((Path(airflow.__file__).parent / "provider.yaml.schema.json").read_text())

    jsonschema.validate(
        get_provider_info()["connection-types"], schema["properties"]["connection-types"]
    )


def test_the_button_in_the_ui_tests_the_connection(page, monkeypatch, postgres):
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
    headers = {"Authorization": f"Bearer {page.token('anna')}"}
    extra = json.dumps({"destination": "postgres"})
    body = {"connection_id": "new_one", "conn_type": "dlt", "extra": extra, **postgres}

    def ask(**changed):
        answer = page.client.post(
            "/api/v2/connections/test", json={**body, **changed}, headers=headers
        )
        return answer.raise_for_status().json()

    assert ask() == {"status": True, "message": "connected to postgres and ran SELECT 1"}
    wrong = ask(password=CANARY)
    assert wrong["status"] is False
    assert "password authentication failed" in wrong["message"]
    assert "c4n4ry" not in wrong["message"]


def test_importing_the_hook_does_not_import_dlt(run_python):
    code = """
import sys
from airflow_dlt_provider import DltHook
DltHook()
print("dlt" in sys.modules)
"""
    assert run_python(code).splitlines()[-1] == "False"
