"""Whatever a connection holds, what comes of it is a mapping or an error of our own."""

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_dlt_provider.core.errors import PlanError
from airflow_dlt_provider.core.registry.connection_secrets import secrets_of
from airflow_dlt_provider.core.registry.connections import (
    MAPPED_TYPES,
    destination_of,
    source_arguments,
)
from airflow_dlt_provider.core.spec import ConnectionValues
from tests.core.connection_cases import FILES, TABLES

SECRET = "c4n4ry"  # noqa: S105 - of no account
DESTINATIONS = ["postgres", "snowflake", "databricks", "clickhouse", "sqlalchemy", "filesystem"]
TEXTS = st.sampled_from(
    ["", "x", "/a/b", "md:shop", "https://a.example.com/", "{", "[1]", '{"a": {"b": 1}}', SECRET]
) | st.text(max_size=8)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


NAMES = st.sampled_from(
    [
        "host",
        "port",
        "username",
        "password",
        "database",
        "query",
        "drivername",
        "http_path",
        "project_id",
        "private_key",
        "client_email",
        "type",
        "s3",
        "bucket_url",
        "credentials",
    ]
)
OBJECTS = st.dictionaries(NAMES, TREES, max_size=4)


@st.composite
def connections(draw):
    conn_type = draw(st.sampled_from(sorted(MAPPED_TYPES)))
    names = [*MAPPED_TYPES[conn_type].extras, *MAPPED_TYPES[conn_type].refused]
    extra = draw(st.dictionaries(st.sampled_from(names), TREES | OBJECTS)) if names else {}
    if conn_type == "dlt":
        # the one text that an error may repeat
        extra["destination"] = draw(st.sampled_from(DESTINATIONS))
    text = st.none() | TEXTS
    port = draw(st.none() | st.integers(1, 65535))
    host, login, schema = (draw(text) for _ in range(3))
    return ConnectionValues("c", conn_type, host, port, login, draw(text), schema, extra)


@settings(max_examples=200, deadline=None, database=None)
@given(connections())
def test_nothing_but_an_error_of_our_own(values):
    for use in (
        lambda: destination_of(values),
        lambda: source_arguments(values, TABLES),
        lambda: source_arguments(values, FILES),
        lambda: source_arguments(values, ("credentials",)),
        lambda: secrets_of(values),
    ):
        assert SECRET not in said_by(use)


def said_by(use):
    try:
        use()
    except PlanError as error:
        return str(error)
    return ""
