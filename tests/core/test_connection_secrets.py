"""Secrets of connections, in reprs and in messages."""

import contextlib

import pytest

from airflow_dlt_provider.core.errors import (
    PlanError,
)
from airflow_dlt_provider.core.registry.connection_secrets import secrets_of, without_secrets
from airflow_dlt_provider.core.registry.connections import (
    build_destination,
    destination_of,
    source_arguments,
)
from tests.core.connection_cases import FILES, SECRET, SERVICE_ACCOUNT, TABLES, connection
from tests.core.connection_clouds import AZURE
from tests.core.connection_destinations import DESTINATIONS
from tests.core.connection_urls import OWN, URLS

EVERYTHING = [
    *(values for values, *_ in DESTINATIONS.values()),
    *(values for values, *_ in AZURE.values()),
    *(values for values, *_ in URLS.values()),
    *(values for values, *_ in OWN.values()),
]


@pytest.mark.parametrize("values", EVERYTHING, ids=lambda values: values.conn_type)
def test_no_repr_shows_a_secret(values):
    shown = repr(values)
    with contextlib.suppress(PlanError):
        config = destination_of(values)
        destination = build_destination(config)
        shown += repr(config) + repr(config.config) + repr(destination) + str(destination)
    for names in (TABLES, FILES):
        with contextlib.suppress(PlanError):
            shown += repr(source_arguments(values, names))

    for secret in secrets_of(values):
        if len(secret) > 1:
            assert secret not in shown
    assert "canary" not in shown
    assert "c4n4ry" not in shown


def test_secrets_are_found_wherever_they_are():
    values = connection(
        "dlt",
        {
            "destination": "postgres",
            "secret_credentials": '{"password": "in-json", "host": "db", "token": "t0ken"}',
            "config": '{"staging_config": {"aws_secret_access_key": "nested"}}',
            "sslmode": "require",
            "private_key_file": "/keys/a.p8",
            "url": "https://user:in%2Durl@host/?api_key=in-query&page=1",
            "connection_string": "AccountName=a;AccountKey=in-azure==;Suffix=x",
        },
        host="md:shop?motherduck_token=in-host",
        password=SECRET,
    )

    secrets = secrets_of(values)

    wanted = {
        SECRET, "in-json", "t0ken", "nested", "in%2Durl", "in-url", "in-query", "in-host",
        "c4n4ry%2Fp%40ss%3Aw%3Frd%26%23%25",
    }  # fmt: skip
    assert wanted <= set(secrets)
    assert any("in-azure==" in secret for secret in secrets)
    assert not {"require", "postgres", "db", "/keys/a.p8", "1"} & set(secrets)


@pytest.mark.parametrize(
    "text",
    [
        "DefaultEndpointsProtocol=https;AccountKey=c4n4ry==;BlobEndpoint=https://a.example.com",
        "BlobEndpoint=https://a.example.com;SharedAccessSignature=sv=2026&sig=c4n4ry%3D",
        "AccountKey=c4n4ry;BlobEndpoint=https://a.example.com",
        "host=db user=loader password=c4n4ry",
        "mssql://u:c4n4ry@db/shop?driver=ODBC",
        "Driver=ODBC;Server=db;PWD=c4n4ry",
    ],
)
def test_the_secret_part_of_a_connection_string_is_one_too(text):
    secrets = secrets_of(connection("dlt", {"secret_credentials": text}))

    assert "c4n4ry" not in without_secrets(f"refused: {text}", secrets)
    assert any(secret.startswith("c4n4ry") and len(secret) < 12 for secret in secrets)


def test_every_line_of_a_key_is_a_secret():
    secrets = secrets_of(connection("google_cloud_platform", {"keyfile_dict": SERVICE_ACCOUNT}))

    assert "MIIcanaryMIIcanary" in secrets
    assert "-----BEGIN PRIVATE KEY-----" not in secrets
    assert "shop-project" not in secrets


def test_text_is_cleaned_of_long_secrets_before_short_ones():
    values = connection("postgres", {"token": "abcdef"}, password="abc")

    text = without_secrets("token abcdef, password abc", secrets_of(values))

    assert text == "token ***, password ***"
