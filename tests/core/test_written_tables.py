"""The names that the tables of a load have for other tools."""

from types import SimpleNamespace

import dlt
import pytest
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.destinations import filesystem, postgres, redshift
from dlt.destinations.sql_client import SqlClientBase

from airflow_dlt_provider.core.loading.address import (
    bucket_namespace,
    name_of,
    namespace_of,
    redshift_cluster,
    snowflake_account,
)

HIDDEN = "s3cr3t"


def test_every_table_has_its_rows_and_columns(load, write_module, tmp_path):
    write_module(
        "my_shop.py",
        "import dlt\ndef orders():\n"
        "    row = {'id': 1, 'at': 1.5, 'never': None, 'lines': [{'sku': 'a'}, {'sku': 'b'}]}\n"
        "    return dlt.resource([row], name='orders')\n",
    )

    orders, lines = load("my_shop:orders", "orders").tables

    assert orders.namespace == f"duckdb://{tmp_path / 'data' / 'shop.duckdb'}"
    assert (orders.resource_name, orders.name, orders.rows) == ("orders", "shop.shop.orders", 1)
    assert (lines.resource_name, lines.name, lines.rows) == ("orders", "shop.shop.orders__lines", 2)
    assert orders.columns == {
        "id": "bigint",
        "at": "double",
        "_dlt_load_id": "text",
        "_dlt_id": "text",
    }
    assert lines.columns["sku"] == "text"


def test_the_tables_stay_out_of_the_value_that_the_task_returns(load, events_module):
    result = load("my_shop:shop", "events", kwargs={"ids": [1]})

    assert result.tables
    assert "tables" not in result.to_dict()
    assert type(result).from_dict(result.to_dict()) == result


def test_a_load_whose_tables_cannot_be_named_is_a_load(load, events_module, messages, monkeypatch):
    def broken(client):
        raise RuntimeError("no such place")

    monkeypatch.setattr("airflow_dlt_provider.core.loading.written.namespace_of", broken)

    result = load("my_shop:shop", "events", kwargs={"ids": [1]})

    assert (result.rows > 0, result.tables) == (True, ())
    assert "cannot be named for lineage: no such place" in messages()


class SqlClient:
    """What is asked of a client of dlt's whose driver is not installed."""

    make_qualified_table_name_path = SqlClientBase.make_qualified_table_name_path

    def __init__(self, fold, catalog, dataset_name="raw"):
        self.capabilities = DestinationCapabilitiesContext.generic_capabilities()
        self.capabilities.casefold_identifier = fold
        self.catalog = catalog
        self.dataset_name = dataset_name

    def catalog_name(self, quote=True, casefold=True):
        return self.catalog


def stand_in(destination_type, fold=str, catalog=None, dataset_name="raw", **credentials):
    config = SimpleNamespace(
        destination_type=destination_type,
        credentials=SimpleNamespace(username="me", password=HIDDEN, **credentials),
    )
    return SimpleNamespace(config=config, sql_client=SqlClient(fold, catalog, dataset_name))


def client_of(destination):
    pipeline = dlt.pipeline("shop", destination=destination, dataset_name="raw")
    return pipeline.destination_client()


def url(scheme, host):
    return f"{scheme}://me:{HIDDEN}@{host}/wh"


BLUE = "blue.abc123.eu-west-1.redshift.amazonaws.com"
AT_DB = {"host": "db", "port": 1234, "database": "wh"}


@pytest.mark.parametrize(
    ("client", "namespace", "name"),
    [
        (
            lambda: client_of(postgres(url("postgresql", "db.host:5433"))),
            "postgres://db.host:5433",
            "wh.raw.orders",
        ),
        (
            lambda: client_of(redshift(url("redshift", f"{BLUE}:5439"))),
            "redshift://blue.eu-west-1:5439",
            "wh.raw.orders",
        ),
        (
            lambda: client_of(filesystem("memory://lake/bronze")),
            "memory://",
            "lake/bronze/raw/orders",
        ),
        (
            lambda: stand_in("snowflake", str.upper, host="org-account", database="wh"),
            "snowflake://org-account",
            "WH.RAW.ORDERS",
        ),
        (lambda: stand_in("bigquery", catalog="project"), "bigquery", "project.raw.orders"),
        (
            lambda: stand_in("databricks", catalog="main", server_hostname="adb-1.net"),
            "databricks://adb-1.net",
            "main.raw.orders",
        ),
        (
            lambda: stand_in("athena", catalog="awsdatacatalog", region_name="eu-west-1"),
            "awsathena://athena.eu-west-1.amazonaws.com",
            "awsdatacatalog.raw.orders",
        ),
        (lambda: stand_in("mssql", **AT_DB), "mssql://db:1234", "wh.raw.orders"),
        (lambda: stand_in("synapse", **AT_DB), "sqlserver://db:1234", "raw.orders"),
        (
            lambda: stand_in("sqlalchemy", drivername="mysql+pymysql", **AT_DB),
            "mysql://db:1234",
            "raw.orders",
        ),
        (
            lambda: stand_in("sqlalchemy", drivername="postgresql+psycopg2", **AT_DB),
            "postgres://db:1234",
            "wh.raw.orders",
        ),
        (lambda: stand_in("elsewhere", **AT_DB), "elsewhere://db:1234", "raw.orders"),
        (lambda: stand_in("elsewhere"), "elsewhere", "raw.orders"),
    ],
)
def test_a_table_is_named_as_openlineage_names_it_and_without_a_password(client, namespace, name):
    client = client()

    assert (namespace_of(client), name_of(client, "orders")) == (namespace, name)


@pytest.mark.parametrize(
    ("bucket_url", "namespace"),
    [
        ("s3://lake/bronze", "s3://lake"),
        ("gcs://lake/bronze", "gs://lake"),
        ("az://lake/bronze", "abfss://lake@account.dfs.core.windows.net"),
        ("abfss://lake@other.dfs.core.windows.net/x", "abfss://lake@other.dfs.core.windows.net"),
        (f"sftp://me:{HIDDEN}@host:22/files", "sftp://host:22"),
    ],
)
def test_a_bucket_is_a_namespace(bucket_url, namespace):
    assert bucket_namespace(bucket_url, azure_account="account") == namespace


def test_files_on_a_local_disk_are_named_by_their_folder(tmp_path):
    client = client_of(filesystem(str(tmp_path)))

    assert namespace_of(client) == "file"
    assert name_of(client, "orders") == str(tmp_path / "raw" / "orders")


@pytest.mark.parametrize(
    ("host", "account"),
    [
        ("org-account", "org-account"),
        ("https://org-account.snowflakecomputing.com", "org-account"),
        ("xy12345", "xy12345.us-west-1.aws"),
        ("xy12345.eu-west-1", "xy12345.eu-west-1.aws"),
        ("xy12345.east-us-2.azure", "xy12345.east-us-2.azure"),
    ],
)
def test_an_account_of_snowflakes_is_complete(host, account):
    assert snowflake_account(host) == account


def test_a_redshift_behind_a_name_of_ones_own_keeps_it():
    assert redshift_cluster("warehouse.example.com") == "warehouse.example.com"
