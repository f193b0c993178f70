"""Connections, field by field, as dlt's own credentials and as URLs."""

import json
from typing import get_args

import pytest
from dlt.common.configuration.specs import (
    ConnectionStringCredentials,
    GcpOAuthCredentials,
    GcpServiceAccountCredentials,
    azure_credentials,
)
from dlt.common.destination.client import DestinationClientDwhConfiguration
from sqlalchemy.engine import make_url

from airflow_dlt_provider.core.registry.connections import (
    MAPPED_TYPES,
    build_destination,
    destination_of,
    source_arguments,
    sql_url,
)
from tests.core.connection_cases import (
    CREDENTIALS,
    FILES,
    SECRET,
    SERVICE_ACCOUNT,
    TABLES,
    connection,
)
from tests.core.connection_clouds import AZURE
from tests.core.connection_destinations import DESTINATIONS
from tests.core.connection_urls import OWN, URLS


def resolved(values):
    """Let dlt make its own configuration of a connection, as it does in a load."""
    destination = build_destination(destination_of(values))
    spec = destination.spec()
    if isinstance(spec, DestinationClientDwhConfiguration):
        spec._bind_dataset_name(dataset_name="shop")
    return destination.configuration(spec)


@pytest.mark.parametrize("case", DESTINATIONS)
def test_dlt_resolves_a_connection_to_its_own_credentials(case):
    values, name, credentials_type, fields = DESTINATIONS[case]
    config = destination_of(values)

    credentials = resolved(values).credentials

    assert config.name == name
    assert type(credentials) is credentials_type
    assert {field: getattr(credentials, field) for field in fields} == fields


def test_a_bucket_and_the_settings_of_bigquery_reach_the_destination():
    assert resolved(DESTINATIONS["aws"][0]).bucket_url == "s3://lake/shop"
    assert resolved(DESTINATIONS["aws by extras"][0]).bucket_url == "s3://lake"
    bigquery = resolved(DESTINATIONS["google"][0])
    assert (bigquery.project_id, bigquery.location) == ("billing-project", "EU")
    folder = resolved(connection("fs", {"path": "/data/files"}))
    assert folder.bucket_url == "file:///data/files"


@pytest.mark.parametrize("case", AZURE)
def test_azure_is_entered_by_key_token_or_connection_string(case):
    values, fields = AZURE[case]

    arguments = source_arguments(values, FILES)

    assert arguments["credentials"] == fields
    # dlt makes these only where Azure's package is, so each name is looked up at least
    is_client = "azure_client_id" in fields
    by_client, by_key = (
        azure_credentials.AzureServicePrincipalCredentialsWithoutDefaults,
        azure_credentials.AzureCredentialsWithoutDefaults,
    )
    known = by_client if is_client else by_key
    assert set(fields) <= set(known.get_resolvable_fields())


def test_a_google_key_may_be_a_file(tmp_path):
    path = tmp_path / "key.json"
    path.write_text(json.dumps(SERVICE_ACCOUNT))

    credentials = resolved(connection("google_cloud_platform", {"key_path": str(path)})).credentials

    assert type(credentials) is GcpServiceAccountCredentials
    assert credentials.client_email == SERVICE_ACCOUNT["client_email"]


def test_the_key_of_a_person_becomes_oauth_credentials():
    key = {"type": "authorized_user", "client_id": "c", "client_secret": SECRET}
    extra = {"keyfile_dict": {**key, "refresh_token": "r"}, "project": "p"}

    config = destination_of(connection("google_cloud_platform", extra))

    assert config.config["credentials"] == {
        "project_id": "p", "client_id": "c", "client_secret": SECRET, "refresh_token": "r",
    }  # fmt: skip
    assert set(config.config["credentials"]) <= set(GcpOAuthCredentials.get_resolvable_fields())


def test_a_cloud_without_a_key_leaves_it_to_dlt_to_find_one():
    aws = connection("aws", {"bucket_url": "s3://lake"})

    assert destination_of(aws).config == {"bucket_url": "s3://lake"}
    assert source_arguments(aws, FILES) == {"bucket_url": "s3://lake"}
    assert destination_of(connection("google_cloud_platform")).config == {}


@pytest.mark.parametrize("case", URLS)
def test_a_source_of_tables_gets_a_url_that_names_the_driver(case):
    values, expected = URLS[case]

    url = make_url(source_arguments(values, TABLES)["credentials"])

    given, wanted = (
        (parsed._replace(query={}).render_as_string(), dict(parsed.query))
        for parsed in (url, make_url(expected))
    )
    assert given == wanted
    if values.password == SECRET:
        assert url.password == SECRET


def test_a_url_comes_through_the_credentials_of_dlt_unchanged():
    values = connection(
        "postgres", host="::1", port=5432, login="a b@c", password=SECRET, schema="s p"
    )

    credentials = ConnectionStringCredentials(str(sql_url(values)))

    assert (credentials.host, credentials.port, credentials.database) == ("::1", 5432, "s p")
    assert (credentials.username, credentials.password) == ("a b@c", SECRET)


def test_every_mapped_type_is_shown_here():
    shown = {values.conn_type for values, *_ in [*DESTINATIONS.values(), *AZURE.values()]}
    as_url = {values.conn_type for values, _ in URLS.values()}

    # these three have tests of their own
    destinations = {name for name, mapped in MAPPED_TYPES.items() if mapped.destination}
    assert destinations - shown == {"fs", "sqlalchemy", "dlt"}
    assert as_url - {"dlt"} == {name for name, mapped in MAPPED_TYPES.items() if mapped.sql_url}


@pytest.mark.parametrize("case", OWN)
def test_a_dlt_connection_goes_by_dlts_own_names(case):
    values, name, config = OWN[case]

    destination = destination_of(values)

    assert (destination.name, destination.config) == (name, config)
    assert build_destination(destination).destination_name == name


def test_dlt_knows_the_names_that_a_dlt_connection_gives_it():
    from dlt.common.destination import Destination

    from airflow_dlt_provider.core.registry.dlt_connection import DLT_NAMES

    for destination, names in DLT_NAMES.items():
        hint = Destination.from_reference(destination).spec.get_resolvable_fields()["credentials"]
        # some are optional
        credentials = next(t for t in (hint, *get_args(hint)) if hasattr(t, "__dataclass_fields__"))
        assert set(names.values()) <= set(credentials.get_resolvable_fields()), destination


def test_a_dlt_connection_to_files_gives_them_to_filesystem():
    assert source_arguments(OWN["a bucket"][0], FILES) == OWN["a bucket"][2]


def test_a_dlt_connection_without_tables_gives_its_credentials():
    assert source_arguments(OWN["credentials by the shorter name"][0], CREDENTIALS) == {
        "credentials": {"project_id": "p"}
    }


def test_a_load_goes_where_a_connection_leads(load, events_module, tmp_path, read_tables):
    path = tmp_path / "elsewhere" / "lake.duckdb"
    path.parent.mkdir()
    values = connection("duckdb", host=str(path))

    load(
        "my_shop:shop",
        kwargs={"ids": [1, 2]},
        destination=build_destination(destination_of(values)),
    )

    assert len(read_tables(path, "shop")["events"]) == 2
    assert not load.data_dir.exists()
