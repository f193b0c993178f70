"""Connections, and what a source gets of them; and those of our own type."""

from tests.core.connection_cases import KEY_TEXT, SECRET, SERVER, connection, dlt_connection

# connection -> the URL that a source of tables gets, less the password
URLS = {
    "postgres": (
        connection("postgres", {"sslmode": "require", "cursor": "x"}, port=5433, **SERVER),
        "postgresql+psycopg2://loader:***@db.example.com:5433/shop?sslmode=require",
    ),
    "postgres by another driver": (
        connection(
            "postgres",
            {"sqlalchemy_scheme": "postgresql+asyncpg", "sqlalchemy_query": {"ssl": "on"}},
            **SERVER,
        ),
        "postgresql+asyncpg://loader:***@db.example.com/shop?ssl=on",
    ),
    "redshift": (
        connection("redshift", port=5439, **SERVER),
        "redshift+psycopg2://loader:***@db.example.com:5439/shop",
    ),
    "mysql": (
        connection("mysql", {"ssl": '{"ca": "/ca.pem"}', "charset": "utf8"}, **SERVER),
        "mysql+pymysql://loader:***@db.example.com/shop?charset=utf8&ssl_ca=/ca.pem",
    ),
    "mssql": (
        connection("mssql", {"Encrypt": False}, port=1433, **SERVER),
        (
            "mssql+pyodbc://loader:***@db.example.com:1433/shop"
            "?Encrypt=no&driver=ODBC+Driver+18+for+SQL+Server"
        ),
    ),
    "sqlite": (connection("sqlite", host="/data/shop.db"), "sqlite:////data/shop.db"),
    "sqlite by URI": (connection("sqlite", schema="/data/shop.db"), "sqlite:////data/shop.db"),
    "oracle by schema": (
        connection("oracle", port=1521, **SERVER),
        "oracle+oracledb://loader:***@db.example.com:1521?service_name=shop",
    ),
    "oracle by sid": (
        connection("oracle", {"sid": "XE"}, **SERVER),
        "oracle+oracledb://loader:***@db.example.com/XE",
    ),
    "trino": (
        connection("trino", {"catalog": "lake"}, port=8443, **SERVER),
        "trino://loader:***@db.example.com:8443/lake/shop",
    ),
    "trino by token": (
        connection("trino", {"auth": "jwt", "jwt__token": "t0ken"}, host="db"),
        "trino://db/hive?access_token=t0ken",
    ),
    "generic": (
        connection("generic", {"sqlalchemy_scheme": "db2+ibm_db"}, port=50000, **SERVER),
        "db2+ibm_db://loader:***@db.example.com:50000/shop",
    ),
    "sqlalchemy": (
        connection("sqlalchemy", {"sqlalchemy_scheme": "sqlite"}, schema="/data/shop.db"),
        "sqlite:////data/shop.db",
    ),
    "snowflake": (
        connection(
            "snowflake",
            {"account": "org-acc", "database": "shop", "warehouse": "wh", "role": "r"},
            login="loader",
            password=SECRET,
            schema="public",
        ),
        "snowflake://loader:***@org-acc/shop/public?role=r&warehouse=wh",
    ),
    "snowflake by key file": (
        connection(
            "snowflake",
            {"account": "org-acc", "database": "shop", "private_key_file": "/k.p8"},
            login="loader",
            password="ph-ra-se",
        ),
        "snowflake://loader@org-acc/shop?private_key_file=/k.p8&private_key_file_pwd=ph-ra-se",
    ),
    "databricks": (
        connection(
            "databricks",
            {"http_path": "/sql/a", "token": SECRET, "catalog": "main"},
            host="adb-1.azuredatabricks.net",
            port=443,
            schema="shop",
        ),
        (
            "databricks://token:***@adb-1.azuredatabricks.net:443"
            "?catalog=main&http_path=/sql/a&schema=shop"
        ),
    ),
    "clickhouse": (
        connection("clickhouse", {"secure": True}, **SERVER),
        "clickhousedb+connect://loader:***@db.example.com:8443/shop?secure=true",
    ),
    "duckdb": (connection("duckdb", host="/data/shop.duckdb"), "duckdb:////data/shop.duckdb"),
    "duckdb for MotherDuck": (
        connection("duckdb", host="md:shop", password="t0ken"),
        "duckdb:///md:shop?motherduck_token=t0ken",
    ),
    "motherduck": (
        connection("motherduck", schema="shop", password="t0ken"),
        "duckdb:///md:shop?motherduck_token=t0ken",
    ),
    "google": (
        connection("google_cloud_platform", {"project": "p", "location": "EU"}),
        "bigquery://p?location=EU",
    ),
    "gcpbigquery": (
        connection("gcpbigquery", {"keyfile_dict": {"project_id": "q"}}),
        f"bigquery://q?credentials_base64={KEY_TEXT}",
    ),
    "dlt": (
        dlt_connection("postgres", port=5433, **SERVER),
        "postgresql+psycopg2://loader:***@db.example.com:5433/shop",
    ),
    "dlt by connection string": (
        dlt_connection("postgres", {"secret_credentials": "postgresql://u:p@db/shop?sslmode=x"}),
        "postgresql+psycopg2://u:***@db/shop?sslmode=x",
    ),
    "dlt by object": (
        dlt_connection(
            "snowflake",
            {"secret_credentials": '{"warehouse": "wh"}'},
            host="org-acc",
            login="loader",
            password=SECRET,
            schema="shop",
        ),
        "snowflake://loader:***@org-acc/shop?warehouse=wh",
    ),
    "dlt for Databricks": (
        dlt_connection(
            "databricks",
            {"secret_credentials": {"http_path": "/sql/a"}},
            host="adb-1.azuredatabricks.net",
            password=SECRET,
            schema="main",
        ),
        "databricks://token:***@adb-1.azuredatabricks.net?catalog=main&http_path=/sql/a",
    ),
    "dlt for ClickHouse": (
        dlt_connection("clickhouse", port=9440, **SERVER),
        "clickhousedb+connect://loader:***@db.example.com:8443/shop?secure=true",
    ),
    "dlt for any database": (
        dlt_connection(
            "sqlalchemy", {"secret_credentials": {"drivername": "mysql+pymysql"}}, **SERVER
        ),
        "mysql+pymysql://loader:***@db.example.com/shop",
    ),
    "dlt for a file": (
        dlt_connection("duckdb", {"secret_credentials": "/data/shop.duckdb"}),
        "duckdb:////data/shop.duckdb",
    ),
}


OWN = {
    "a database": (
        dlt_connection("postgres", port=5433, **SERVER),
        "postgres",
        {
            "credentials": {
                "host": "db.example.com",
                "port": 5433,
                "username": "loader",
                "password": SECRET,
                "database": "shop",
            }
        },
    ),
    "a connection string": (
        dlt_connection("redshift", {"secret_credentials": " redshift://u:p@h/d "}),
        "redshift",
        {"credentials": "redshift://u:p@h/d"},
    ),
    "credentials by the shorter name": (
        dlt_connection("bigquery", {"credentials": {"project_id": "p"}}),
        "bigquery",
        {"credentials": {"project_id": "p"}},
    ),
    "an object and fields": (
        dlt_connection(
            "databricks",
            {"secret_credentials": '{"http_path": "/sql/a"}', "config": '{"create_indexes": true}'},
            host="adb-1",
            password=SECRET,
            schema="main",
        ),
        "databricks",
        {
            "credentials": {
                "server_hostname": "adb-1",
                "access_token": SECRET,
                "catalog": "main",
                "http_path": "/sql/a",
            },
            "create_indexes": True,
        },
    ),
    "a bucket": (
        dlt_connection(
            "filesystem", {"config": {"bucket_url": "s3://lake"}}, login="AKIA1", password=SECRET
        ),
        "filesystem",
        {
            "bucket_url": "s3://lake",
            "credentials": {"aws_access_key_id": "AKIA1", "aws_secret_access_key": SECRET},
        },
    ),
    "by prefixed extras": (
        connection("dlt", {"extra__dlt__destination": "duckdb"}, schema="shop.duckdb"),
        "duckdb",
        {"credentials": {"database": "shop.duckdb"}},
    ),
    "credentials among the arguments": (
        dlt_connection("dummy", {"config": {"credentials": {"a": 1}, "name": "x"}}),
        "dummy",
        {"credentials": {"a": 1}, "name": "x"},
    ),
    "nothing else": (dlt_connection("dummy"), "dummy", {}),
}
