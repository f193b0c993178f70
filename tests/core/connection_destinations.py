"""Connections, and what dlt makes of them as destinations."""

from dlt.destinations.impl.clickhouse.configuration import ClickHouseCredentials
from dlt.destinations.impl.databricks.configuration import DatabricksCredentials
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.motherduck.configuration import MotherDuckCredentials
from dlt.destinations.impl.mssql.configuration import MsSqlCredentials
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from dlt.destinations.impl.redshift.configuration import RedshiftCredentials
from dlt.destinations.impl.snowflake.configuration import SnowflakeCredentials
from dlt.destinations.impl.sqlalchemy.configuration import SqlalchemyCredentials

from tests.core.connection_cases import KEY, SECRET, SERVER, connection
from tests.core.connection_clouds import CLOUDS

# connection -> what dlt makes of it: destination, class and fields of the credentials
DESTINATIONS = {
    **CLOUDS,
    "postgres": (
        connection("postgres", port=5433, **SERVER),
        "postgres",
        PostgresCredentials,
        {
            "host": "db.example.com",
            "port": 5433,
            "username": "loader",
            "password": SECRET,
            "database": "shop",
            "connect_timeout": 15,
        },
    ),
    "postgres with options": (
        connection(
            "postgres",
            {"sslmode": "require", "connect_timeout": "7", "cursor": "dictcursor"},
            **SERVER,
        ),
        "postgres",
        PostgresCredentials,
        {"port": 5432, "connect_timeout": 7, "query": {"sslmode": "require"}},
    ),
    "postgres without a password": (
        connection("postgres", host="db", login="loader", schema="shop"),
        "postgres",
        PostgresCredentials,
        {"password": ""},
    ),
    "redshift": (
        connection("redshift", {"sslmode": "verify-ca"}, **SERVER),
        "redshift",
        RedshiftCredentials,
        {"port": 5439, "username": "loader", "password": SECRET, "query": {"sslmode": "verify-ca"}},
    ),
    "mysql": (
        connection("mysql", {"charset": "utf8mb4"}, port=3306, **SERVER),
        "sqlalchemy",
        SqlalchemyCredentials,
        {
            "drivername": "mysql+pymysql",
            "host": "db.example.com",
            "port": 3306,
            "username": "loader",
            "password": SECRET,
            "database": "shop",
            "query": {"charset": "utf8mb4"},
        },
    ),
    "mssql": (
        connection("mssql", {"Encrypt": True, "TrustServerCertificate": "yes"}, **SERVER),
        "mssql",
        MsSqlCredentials,
        {
            "host": "db.example.com",
            "port": 1433,
            "username": "loader",
            "password": SECRET,
            "database": "shop",
            "driver": "ODBC Driver 18 for SQL Server",
            "query": {"Encrypt": "yes", "TrustServerCertificate": "yes"},
        },
    ),
    "mssql with a driver": (
        connection("mssql", {"driver": "{ODBC Driver 17 for SQL Server}"}, port=1444, **SERVER),
        "mssql",
        MsSqlCredentials,
        {"port": 1444, "driver": "ODBC Driver 17 for SQL Server"},
    ),
    "sqlite": (
        connection("sqlite", host="/data/shop.db"),
        "sqlalchemy",
        SqlalchemyCredentials,
        {"drivername": "sqlite", "database": "/data/shop.db"},
    ),
    "oracle": (
        connection("oracle", {"service_name": "XEPDB1"}, port=1521, **SERVER),
        "sqlalchemy",
        SqlalchemyCredentials,
        {"drivername": "oracle+oracledb", "port": 1521, "query": {"service_name": "XEPDB1"}},
    ),
    "generic": (
        connection("generic", {"sqlalchemy_scheme": "db2+ibm_db"}, port=50000, **SERVER),
        "sqlalchemy",
        SqlalchemyCredentials,
        {"drivername": "db2+ibm_db", "port": 50000, "database": "shop", "password": SECRET},
    ),
    "snowflake": (
        connection(
            "snowflake",
            {"account": "org-acc", "database": "shop", "warehouse": "wh", "role": "loader_role"},
            login="loader",
            password=SECRET,
            schema="ignored",
        ),
        "snowflake",
        SnowflakeCredentials,
        {
            "host": "org-acc",
            "username": "loader",
            "password": SECRET,
            "database": "shop",
            "warehouse": "wh",
            "role": "loader_role",
        },
    ),
    "snowflake by prefixed extras": (
        connection(
            "snowflake",
            {
                "extra__snowflake__account": "acc",
                "extra__snowflake__region": "eu-west-1",
                "extra__snowflake__database": "shop",
                "extra__snowflake__private_key_content": KEY,
                "extra__snowflake__warehouse": "",
            },
            login="loader",
            password=SECRET,
        ),
        "snowflake",
        SnowflakeCredentials,
        {
            "host": "acc.eu-west-1",
            "private_key": KEY,
            "private_key_passphrase": SECRET,
            "password": None,
            "warehouse": None,
        },
    ),
    "snowflake by host and token": (
        connection(
            "snowflake",
            {"database": "shop", "authenticator": "oauth", "token": SECRET},
            host="https://org-acc.snowflakecomputing.com",
        ),
        "snowflake",
        SnowflakeCredentials,
        {"host": "org-acc", "authenticator": "oauth", "token": SECRET},
    ),
    "databricks by token": (
        connection(
            "databricks",
            {"http_path": "/sql/1.0/warehouses/a", "catalog": "main"},
            host="https://adb-1.azuredatabricks.net/",
            password=SECRET,
        ),
        "databricks",
        DatabricksCredentials,
        {
            "server_hostname": "adb-1.azuredatabricks.net",
            "http_path": "/sql/1.0/warehouses/a",
            "catalog": "main",
            "access_token": SECRET,
        },
    ),
    "databricks by service principal": (
        connection(
            "databricks",
            {"http_path": "/sql/a", "catalog": "main", "service_principal_oauth": "true"},
            host="adb-1.azuredatabricks.net",
            login="client",
            password=SECRET,
        ),
        "databricks",
        DatabricksCredentials,
        {"client_id": "client", "client_secret": SECRET, "access_token": None},
    ),
    "clickhouse": (
        connection("clickhouse", **SERVER),
        "clickhouse",
        ClickHouseCredentials,
        {
            "host": "db.example.com",
            "port": 9000,
            "http_port": 8123,
            "secure": 0,
            "username": "loader",
            "password": SECRET,
            "database": "shop",
        },
    ),
    "clickhouse by TLS": (
        connection(
            "clickhouse",
            {"secure": True, "connect_timeout": "5", "send_receive_timeout": 60},
            port=8444,
            **SERVER,
        ),
        "clickhouse",
        ClickHouseCredentials,
        {
            "port": 9440,
            "http_port": 8444,
            "secure": 1,
            "connect_timeout": 5,
            "send_receive_timeout": 60,
        },
    ),
    "clickhouse by its native port": (
        connection("clickhouse", {"http_port": 8124}, port=9000, **SERVER),
        "clickhouse",
        ClickHouseCredentials,
        {"port": 9000, "http_port": 8124},
    ),
    "duckdb": (
        connection("duckdb", {"read_only": "true"}, host="/data/shop.duckdb"),
        "duckdb",
        DuckDbCredentials,
        {"database": "/data/shop.duckdb", "read_only": True},
    ),
    "duckdb by URI": (
        # Airflow reads duckdb:////data/shop.duckdb so
        connection("duckdb", schema="/data/shop.duckdb"),
        "duckdb",
        DuckDbCredentials,
        {"database": "/data/shop.duckdb", "read_only": False},
    ),
    "duckdb for MotherDuck": (
        connection("duckdb", host=f"md:shop?motherduck_token={SECRET.replace('&', '')[:6]}"),
        "motherduck",
        MotherDuckCredentials,
        {"database": "shop", "password": "c4n4ry"},
    ),
    "duckdb with a token": (
        connection("duckdb", schema="shop", password=SECRET),
        "motherduck",
        MotherDuckCredentials,
        {"database": "shop", "password": SECRET},
    ),
    "motherduck": (
        connection("motherduck", host="shop", password=SECRET),
        "motherduck",
        MotherDuckCredentials,
        {"database": "shop", "password": SECRET},
    ),
}
