"""What is said of a connection that cannot be used."""

import re

import pytest

from airflow_dlt_provider.core.errors import (
    ConnectionFieldError,
    ConnectionUseError,
    PlanError,
)
from airflow_dlt_provider.core.registry.connections import (
    MAPPED_TYPES,
    build_destination,
    destination_of,
    source_arguments,
    sql_url,
)
from tests.core.connection_cases import (
    FILES,
    KEY,
    SECRET,
    SERVER,
    TABLES,
    connection,
    dlt_connection,
)

FIELD_ERRORS = {
    "no host": (connection("postgres"), "has no host; set it: the name or address of the server"),
    "no database": (
        connection("postgres", host="h", login="u"),
        "has no schema; set it: the name of the database",
    ),
    "no bucket": (
        connection("aws", login="k", password=SECRET),
        (
            "names no place to write to; set 'bucket_url' in its extra, such as {\"bucket_url\": "
            '"s3://my-bucket/path"}'
        ),
    ),
    "no container": (
        connection("wasb", login="store", password=SECRET),
        "names no place to write to",
    ),
    "a role": (
        connection("aws", {"role_arn": "arn:aws:iam::1:role/r", "bucket_url": "s3://b"}),
        "has 'role_arn' in its extra, which dlt cannot follow; dlt takes no role; name a profile",
    ),
    "IAM": (connection("postgres", {"iam": True}, **SERVER), "has 'iam' in its extra"),
    "no account": (connection("snowflake", login="u"), "has no 'account' in its extra"),
    "no snowflake database": (
        connection("snowflake", {"account": "a"}),
        "has no 'database' in its extra; set it: the name of the database",
    ),
    "no file": (connection("duckdb"), "names no file; set the host to a path, or to md:DATABASE"),
    "in memory": (connection("duckdb", host=":memory:"), "names no file"),
    "no http_path": (connection("databricks", host="h"), "has no 'http_path' in its extra"),
    "no catalog": (
        connection("databricks", {"http_path": "/a"}, host="h", password=SECRET),
        "has no 'catalog' in its extra; set it: the catalog that dlt writes to",
    ),
    "no scheme": (connection("generic", host="h"), "has no 'sqlalchemy_scheme' in its extra"),
    "a dsn": (connection("oracle", {"dsn": "x"}, **SERVER), "set host, port and service_name"),
    "no service": (
        connection("oracle", host="h"),
        "has no 'service_name' in its extra; set it, or 'sid', or the schema",
    ),
    "no storage account": (
        connection("adls", {"tenant_id": "t"}, login="client", password=SECRET),
        "names no storage account; set the host to its address",
    ),
    "a missing key file": (
        connection("google_cloud_platform", {"key_path": "/nowhere/key.json"}),
        "names a key_path that cannot be read: No such file or directory",
    ),
    "a key that is no JSON": (
        connection("google_cloud_platform", {"keyfile_dict": SECRET}),
        "has a 'keyfile_dict' in its extra that is no JSON object",
    ),
    "a port that is none": (
        connection("clickhouse", {"native_port": SECRET}, **SERVER),
        "has a 'native_port' that is no whole number",
    ),
    "a time that is none": (
        connection("postgres", {"connect_timeout": "soon"}, **SERVER),
        "has a 'connect_timeout' that is no whole number",
    ),
    "a service that is none": (
        connection("aws", {"service_config": {"s3": "lake"}}),
        "names no place to write to",
    ),
    "another account": (
        connection("google_cloud_platform", {"impersonation_chain": "a@b"}),
        "has 'impersonation_chain' in its extra, which dlt cannot follow",
    ),
    "no path": (connection("fs"), "has no 'path' in its extra"),
    "no destination": (connection("dlt"), "has no 'destination' in its extra"),
    "two places for credentials": (
        dlt_connection("postgres", {"secret_credentials": "postgresql://u:p@h/d"}, host="h"),
        "has a connection string in the field 'secret_credentials', and host, port, login,",
    ),
    "a field without a place": (
        dlt_connection("bigquery", password=SECRET),
        (
            "has a password, which the destination 'bigquery' has no place for; give it under "
            "dlt's own name in the field 'secret_credentials'"
        ),
    ),
    "broken credentials": (
        dlt_connection("postgres", {"secret_credentials": f'{{"password": "{SECRET}'}),
        "has a field 'secret_credentials' that is no JSON",
    ),
    "broken config": (
        dlt_connection("postgres", {"config": "[1]"}),
        "has a field 'config' that is no JSON object",
    ),
}


@pytest.mark.parametrize("case", FIELD_ERRORS)
def test_a_wrong_field_is_named_and_shows_no_secret(case):
    values, message = FIELD_ERRORS[case]

    with pytest.raises(ConnectionFieldError) as caught:
        destination_of(values)

    assert str(caught.value).startswith(
        f"connection 'the_conn' of type {values.conn_type!r} {message}"
    ) or message in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            connection("snowflake", {"account": "a", "private_key_content": KEY}),
            "a URL cannot carry a key; set 'private_key_file'",
        ),
        (
            connection("databricks", {"http_path": "/a"}, host="h"),
            "logs in by a token alone",
        ),
        (connection("trino", {"auth": "kerberos"}, host="h"), "has 'auth' in its extra"),
    ],
)
def test_a_source_of_tables_says_which_log_in_it_cannot_use(values, problem):
    with pytest.raises(ConnectionFieldError, match=re.escape(problem)):
        sql_url(values)


def test_a_type_that_is_not_mapped_is_told_the_closest_one():
    with pytest.raises(ConnectionUseError) as caught:
        destination_of(connection("postgress", **SERVER))

    assert "is of type 'postgress', which cannot be used as a destination" in str(caught.value)
    assert "(did you mean 'postgres'?)" in str(caught.value)
    assert "sqlite" in str(caught.value)
    assert "trino" not in caught.value.usable


def test_a_type_that_cannot_be_used_so_is_told_which_can():
    with pytest.raises(ConnectionUseError, match="cannot be used as a destination"):
        destination_of(connection("trino", **SERVER))
    with pytest.raises(ConnectionUseError, match="cannot be used as a source of files"):
        source_arguments(connection("postgres", **SERVER), FILES)
    with pytest.raises(ConnectionUseError, match="cannot be used as a source of tables"):
        source_arguments(connection("aws", {"bucket_url": "s3://b"}), TABLES)
    with pytest.raises(ConnectionUseError, match="cannot be used as a source of tables"):
        source_arguments(dlt_connection("weaviate"), TABLES)


def test_a_destination_that_dlt_does_not_know_is_told_the_closest_one():
    with pytest.raises(PlanError, match=r"no destination 'postgre'; .*\(did you mean 'postgres'"):
        build_destination(destination_of(dlt_connection("postgre")))


@pytest.mark.parametrize(
    ("conn_type", "name"),
    [(mapped.conn_type, name) for mapped in MAPPED_TYPES.values() for name in mapped.refused],
)
def test_an_extra_that_dlt_cannot_follow_is_refused_for_every_use(conn_type, name):
    values = connection(conn_type, {f"extra__{conn_type}__{name}": SECRET}, **SERVER)
    mapped = MAPPED_TYPES[conn_type]
    advice = re.escape(mapped.refused[name])

    for use in (mapped.destination and destination_of, mapped.sql_url and sql_url):
        if use:
            with pytest.raises(ConnectionFieldError, match=f"{name!r} .*; {advice}$") as caught:
                use(values)
            assert SECRET not in str(caught.value)


def test_what_is_refused_may_be_switched_off():
    assert destination_of(connection("postgres", {"iam": "false"}, **SERVER)).name == "postgres"
