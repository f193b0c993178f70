"""Connections to clouds and folders: files for sources, files or BigQuery as destinations."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from airflow_dlt_provider.core.registry.connection_fields import (
    DestinationConfig,
    Fields,
    FileAccess,
    MappedType,
    destination_config,
    without_none,
)
from airflow_dlt_provider.core.registry.hidden import hide
from airflow_dlt_provider.core.registry.sql_connections import build_url

SERVICE_ACCOUNT_FIELDS = ("project_id", "private_key", "private_key_id", "client_email")
OAUTH_FIELDS = ("project_id", "client_id", "client_secret", "refresh_token")

_GOOGLE_REFUSED = {
    "key_secret_name": "set 'keyfile_dict' or 'key_path'",
    "credential_config_file": "set 'keyfile_dict' or 'key_path'",
    "impersonation_chain": "set the key of an account that needs no other",
}


def _files_destination(files: Any, example: str, fields: Fields) -> DestinationConfig:
    access = files(fields)
    if access.bucket_url is None:
        raise fields.error(
            "names no place to write to; set 'bucket_url' in its extra, such as "
            f'{{"bucket_url": "{example}"}}'
        )
    return destination_config("filesystem", access.credentials, bucket_url=access.bucket_url)


def _aws_files(fields: Fields) -> FileAccess:
    service = fields.mapping("service_config").get("s3")
    service = service if isinstance(service, Mapping) else {}
    credentials = {
        "aws_access_key_id": fields.get("login") or fields.option("aws_access_key_id"),
        "aws_secret_access_key": fields.get("password") or fields.option("aws_secret_access_key"),
        # the one of the service comes first for Airflow's own hook, too
        "endpoint_url": service.get("endpoint_url") or fields.option("endpoint_url"),
        **fields.present("aws_session_token", "region_name", "profile_name", "s3_url_style"),
    }
    bucket = service.get("bucket_name")
    bucket_url = fields.option("bucket_url") or (f"s3://{bucket}" if bucket else None)
    return FileAccess(hide(without_none(credentials)) or None, bucket_url)


def _google_key(fields: Fields) -> dict[str, Any]:
    path = fields.option("key_path")
    if not path:
        return fields.mapping("keyfile_dict")
    try:
        key = json.loads(Path(path).read_text())
    except OSError as error:
        raise fields.error(f"names a key_path that cannot be read: {error.strerror}") from None
    # a path with a null character is one, too
    except ValueError:
        raise fields.error("names a key_path that is no JSON file") from None
    if not isinstance(key, Mapping):
        raise fields.error("names a key_path that is no JSON object")
    return dict(key)


def _google_credentials(fields: Fields) -> dict[str, Any]:
    key = _google_key(fields)
    is_person = key.get("type") == "authorized_user"
    known = OAUTH_FIELDS if is_person else SERVICE_ACCOUNT_FIELDS
    credentials = {name: str(key[name]) for name in known if key.get(name)}
    if "private_key" in credentials:
        # an environment variable often holds the two characters for a line break
        credentials["private_key"] = credentials["private_key"].replace("\\n", "\n")
    project = fields.option("project")
    return {**without_none({"project_id": project}), **credentials}


def _google_files(fields: Fields) -> FileAccess:
    return FileAccess(hide(_google_credentials(fields)) or None, fields.option("bucket_url"))


def _google_destination(fields: Fields) -> DestinationConfig:
    if fields.option("bucket_url"):
        return _files_destination(_google_files, "gs://my-bucket/path", fields)
    return destination_config(
        "bigquery",
        _google_credentials(fields) or None,
        project_id=fields.option("project"),
        location=fields.option("location"),
    )


def _bigquery_url(fields: Fields) -> str:
    key = _google_key(fields)
    project = fields.option("project") or key.get("project_id")
    query = without_none({"location": fields.option("location")})
    if key:
        text = base64.b64encode(json.dumps(key).encode()).decode()
        query = {"credentials_base64": text, **query}
    return build_url("bigquery", {"host": str(project)} if project else {}, query)


def _azure_connection_string(fields: Fields) -> dict[str, str]:
    text = str(fields.option("connection_string") or "")
    return dict(part.split("=", 1) for part in text.split(";") if "=" in part)


def _azure_account(fields: Fields, parts: dict[str, str]) -> tuple[str, str | None]:
    """Return the name of the storage account, and its address where that is not Azure's own."""
    host = fields.get("host") or parts.get("BlobEndpoint") or ""
    name = fields.host_name(host)
    is_address = "." in name
    account = (
        fields.option("account_name")
        or parts.get("AccountName")
        or (name.partition(".")[0] if is_address else name)
        # a client id, where there is a tenant
        or (None if _azure_tenant(fields) else fields.get("login"))
    )
    if not account:
        raise fields.error("names no storage account; set the host to its address")
    default = name.endswith((".blob.core.windows.net", ".dfs.core.windows.net"))
    return str(account), fields.option("account_host") or (
        name if is_address and not default else None
    )


def _azure_tenant(fields: Fields) -> str | None:
    tenant: str | None = fields.option("tenant_id") or fields.option("tenant")
    return tenant


def _azure_files(fields: Fields) -> FileAccess:
    parts = _azure_connection_string(fields)
    account, host = _azure_account(fields, parts)
    credentials = {"azure_storage_account_name": account, "azure_account_host": host}
    tenant = _azure_tenant(fields)
    token = str(fields.option("sas_token") or parts.get("SharedAccessSignature") or "")
    if tenant:
        credentials |= {
            "azure_tenant_id": tenant,
            "azure_client_id": fields.need("login", "the id of the client"),
            "azure_client_secret": fields.need("password", "the secret of the client"),
        }
    elif token:
        # Airflow's own hook takes a whole address too
        credentials["azure_storage_sas_token"] = token.rpartition("?")[2]
    else:
        keys = (fields.option("shared_access_key"), fields.option("account_key"))
        key = next(filter(None, (*keys, parts.get("AccountKey"))), None)
        credentials["azure_storage_account_key"] = key or fields.get("password")
    return FileAccess(hide(without_none(credentials)), fields.option("bucket_url"))


def _local_files(fields: Fields) -> FileAccess:
    return FileAccess(None, fields.need_extra("path", "the folder"))


_AWS_EXTRAS = (
    "bucket_url", "aws_access_key_id", "aws_secret_access_key", "aws_session_token",
    "region_name", "profile_name", "endpoint_url", "s3_url_style", "service_config",
)  # fmt: skip
_AWS_REFUSED = {
    "role_arn": "dlt takes no role; name a profile of AWS's own configuration that assumes the "
    "role, in 'profile_name'"
}
_GOOGLE_EXTRAS = (
    "project", "keyfile_dict", "key_path", "location", "bucket_url",
)  # fmt: skip
_AZURE_EXTRAS = (
    "account_name", "account_host", "tenant_id", "tenant", "shared_access_key", "account_key",
    "sas_token", "connection_string", "bucket_url",
)  # fmt: skip
_AZURE_REFUSED = {
    "managed_identity_client_id": "set AZURE_CLIENT_ID where the task runs",
    "client_secret_auth_config": "dlt knows Azure's public cloud alone",
}

CLOUD_TYPES = (
    MappedType(
        "aws",
        ("filesystem",),
        "files in s3://",
        ("login", "password"),
        _AWS_EXTRAS,
        refused=_AWS_REFUSED,
        destination=partial(_files_destination, _aws_files, "s3://my-bucket/path"),
        files=_aws_files,
    ),
    *(
        MappedType(
            conn_type,
            ("bigquery", "filesystem"),
            "bigquery://, files in gs://",
            (),
            _GOOGLE_EXTRAS,
            refused=_GOOGLE_REFUSED,
            destination=_google_destination,
            sql_url=_bigquery_url,
            files=_google_files,
        )
        for conn_type in ("google_cloud_platform", "gcpbigquery")
    ),
    *(
        MappedType(
            conn_type,
            ("filesystem",),
            "files in az://",
            ("host", "login", "password"),
            _AZURE_EXTRAS,
            refused=_AZURE_REFUSED,
            destination=partial(_files_destination, _azure_files, "az://my-container/path"),
            files=_azure_files,
        )
        for conn_type in ("wasb", "adls", "azure_data_lake")
    ),
    MappedType(
        "fs",
        ("filesystem",),
        "files in a folder",
        (),
        ("path",),
        destination=partial(_files_destination, _local_files, "/data/files"),
        files=_local_files,
    ),
)
"""Types of connections to files, and to BigQuery."""
