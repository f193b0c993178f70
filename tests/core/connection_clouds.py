"""Connections to clouds, and what dlt makes of them."""

import json

from dlt.common.configuration.specs import (
    AwsCredentials,
    GcpServiceAccountCredentials,
)
from dlt.common.configuration.specs.azure_credentials import (
    AzureServicePrincipalCredentialsWithoutDefaults,
)

from tests.core.connection_cases import KEY, SECRET, SERVICE_ACCOUNT, connection

CLOUDS = {
    "aws": (
        connection(
            "aws",
            {
                "bucket_url": "s3://lake/shop",
                "region_name": "eu-west-1",
                "aws_session_token": SECRET,
                "endpoint_url": "http://minio:9000",
                "s3_url_style": "path",
            },
            login="AKIA1",
            password=SECRET,
        ),
        "filesystem",
        AwsCredentials,
        {
            "aws_access_key_id": "AKIA1",
            "aws_secret_access_key": SECRET,
            "aws_session_token": SECRET,
            "region_name": "eu-west-1",
            "endpoint_url": "http://minio:9000",
            "s3_url_style": "path",
        },
    ),
    "aws by extras": (
        connection(
            "aws",
            {
                "aws_access_key_id": "AKIA2",
                "aws_secret_access_key": SECRET,
                "profile_name": "loader",
                "service_config": {"s3": {"bucket_name": "lake", "endpoint_url": "http://s3"}},
                "endpoint_url": "http://all",
            },
        ),
        "filesystem",
        AwsCredentials,
        {
            "aws_access_key_id": "AKIA2",
            "aws_secret_access_key": SECRET,
            "profile_name": "loader",
            "endpoint_url": "http://s3",
        },
    ),
    "google": (
        connection(
            "google_cloud_platform",
            {
                "keyfile_dict": json.dumps(
                    {**SERVICE_ACCOUNT, "private_key": KEY.replace("\n", "\\n")}
                ),
                "project": "billing-project",
                "location": "EU",
            },
        ),
        "bigquery",
        GcpServiceAccountCredentials,
        {
            "project_id": "shop-project",
            "private_key": KEY,
            "private_key_id": "k1",
            "client_email": "loader@shop-project.iam.gserviceaccount.com",
        },
    ),
    "gcpbigquery": (
        connection("gcpbigquery", {"extra__gcpbigquery__keyfile_dict": SERVICE_ACCOUNT}),
        "bigquery",
        GcpServiceAccountCredentials,
        {"project_id": "shop-project", "private_key": KEY},
    ),
    "google with a bucket": (
        connection(
            "google_cloud_platform",
            {"keyfile_dict": SERVICE_ACCOUNT, "bucket_url": "gs://lake/shop"},
        ),
        "filesystem",
        GcpServiceAccountCredentials,
        {"project_id": "shop-project", "private_key": KEY},
    ),
    "wasb by client": (
        connection(
            "wasb",
            {"bucket_url": "az://lake/shop", "tenant_id": "tenant"},
            host="https://shopstore.blob.core.windows.net",
            login="client",
            password=SECRET,
        ),
        "filesystem",
        AzureServicePrincipalCredentialsWithoutDefaults,
        {
            "azure_storage_account_name": "shopstore",
            "azure_account_host": None,
            "azure_tenant_id": "tenant",
            "azure_client_id": "client",
            "azure_client_secret": SECRET,
        },
    ),
    "azure_data_lake": (
        connection(
            "azure_data_lake",
            {"bucket_url": "abfss://lake", "tenant": "tenant", "account_name": "shopstore"},
            login="client",
            password=SECRET,
        ),
        "filesystem",
        AzureServicePrincipalCredentialsWithoutDefaults,
        {"azure_storage_account_name": "shopstore", "azure_tenant_id": "tenant"},
    ),
}


AZURE = {
    "an account key": (
        connection(
            "azure_data_lake",
            {"account_key": SECRET, "account_host": "store.example.org"},
            host="shopstore",
        ),
        {
            "azure_storage_account_name": "shopstore",
            "azure_account_host": "store.example.org",
            "azure_storage_account_key": SECRET,
        },
    ),
    "a client of adls": (
        connection("adls", {"tenant_id": "t"}, host="shopstore", login="c", password=SECRET),
        {
            "azure_storage_account_name": "shopstore",
            "azure_tenant_id": "t",
            "azure_client_id": "c",
            "azure_client_secret": SECRET,
        },
    ),
    "a key": (
        connection("wasb", {"bucket_url": "az://lake"}, login="shopstore", password=SECRET),
        {"azure_storage_account_name": "shopstore", "azure_storage_account_key": SECRET},
    ),
    "a key in the extra": (
        connection(
            "wasb",
            {"bucket_url": "az://lake", "shared_access_key": SECRET},
            host="shopstore.blob.example.org",
        ),
        {
            "azure_storage_account_name": "shopstore",
            "azure_account_host": "shopstore.blob.example.org",
            "azure_storage_account_key": SECRET,
        },
    ),
    "a token": (
        connection(
            "wasb",
            {"sas_token": "https://shopstore.blob.core.windows.net/?sv=1&sig=x"},
            host="shopstore",
        ),
        {"azure_storage_account_name": "shopstore", "azure_storage_sas_token": "sv=1&sig=x"},
    ),
    "a connection string": (
        connection(
            "adls",
            {"connection_string": "AccountName=shopstore;AccountKey=a2V5PT0=;EndpointSuffix=x"},
        ),
        {"azure_storage_account_name": "shopstore", "azure_storage_account_key": "a2V5PT0="},
    ),
}
