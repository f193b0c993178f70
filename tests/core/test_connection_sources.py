"""What the function of a source gets of a connection."""

import pytest
from dlt.common.configuration.specs import (
    AwsCredentials,
)
from dlt.sources.filesystem import filesystem, readers
from dlt.sources.sql_database import sql_database, sql_table

from airflow_dlt_provider.core.errors import (
    ConnectionParameterError,
    PlanError,
)
from airflow_dlt_provider.core.registry.connections import (
    source_arguments,
)
from tests.core.connection_cases import FILES, SECRET, SERVER, SERVICE_ACCOUNT, connection
from tests.core.connection_destinations import DESTINATIONS

READ = {"sql_table": sql_table, "sql_database": sql_database}


def test_filesystem_gets_credentials_and_bucket():
    values = DESTINATIONS["aws by extras"][0]

    arguments = source_arguments(values, FILES)

    assert arguments["bucket_url"] == "s3://lake"
    assert AwsCredentials(**arguments["credentials"]).aws_secret_access_key == SECRET
    assert filesystem(**arguments).name == "filesystem"
    assert readers(**arguments).name == "readers"


def test_filesystem_reads_a_folder(tmp_path):
    (tmp_path / "a.csv").write_text("id\n1\n")

    arguments = source_arguments(connection("fs", {"path": str(tmp_path)}), FILES)

    assert [item["file_name"] for item in filesystem(**arguments)] == ["a.csv"]


@pytest.mark.parametrize("name", READ)
def test_dlt_reads_tables_by_the_url(tmp_path, name):
    import sqlite3

    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE orders (id INTEGER)")
        database.execute("INSERT INTO orders VALUES (7)")
    database.close()
    values = connection("sqlite", host=str(tmp_path / "shop.db"))

    arguments = source_arguments(values, ("credentials", "table", "schema"))

    more = {"table": "orders"} if name == "sql_table" else {}
    assert list(READ[name](**arguments, **more)) == [{"id": 7}]


def test_a_function_of_the_users_gets_the_credentials_of_a_cloud():
    values = connection("google_cloud_platform", {"keyfile_dict": SERVICE_ACCOUNT})

    credentials = source_arguments(values, ("credentials", "sheet_id"))["credentials"]

    assert credentials["client_email"] == SERVICE_ACCOUNT["client_email"]


def test_a_function_of_the_users_gets_the_url_of_a_database():
    arguments = source_arguments(connection("mysql", **SERVER), ("credentials", "since"))

    assert arguments["credentials"].startswith("mysql+pymysql://")


def test_a_function_without_credentials_is_told_to_take_some():
    with pytest.raises(ConnectionParameterError) as caught:
        source_arguments(connection("postgres", **SERVER), ("api_key", "url"))

    assert isinstance(caught.value, PlanError)
    assert str(caught.value) == (
        "connection 'the_conn' is given to a source whose function takes no 'credentials'; its "
        "parameters: api_key, url. Add a parameter 'credentials', as dlt's own sql_database and "
        "filesystem have it, or leave the connection out"
    )


def test_a_function_of_files_must_take_the_credentials_that_there_are():
    with pytest.raises(ConnectionParameterError, match="takes no 'credentials'"):
        source_arguments(DESTINATIONS["aws"][0], ("bucket_url",))
    with pytest.raises(ConnectionParameterError, match="takes no 'credentials'"):
        source_arguments(connection("fs", {"path": "/data"}), ("folder",))
