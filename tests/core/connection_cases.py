"""Connections for tests."""

import base64
import json

from airflow_dlt_provider.core.spec import ConnectionValues

SECRET = "c4n4ry/p@ss:w?rd&#%"  # noqa: S105 - of no account
KEY = "-----BEGIN PRIVATE KEY-----\nMIIcanaryMIIcanary\n-----END PRIVATE KEY-----\n"
SERVICE_ACCOUNT = {
    "type": "service_account",
    "project_id": "shop-project",
    "private_key_id": "k1",
    "private_key": KEY,
    "client_email": "loader@shop-project.iam.gserviceaccount.com",
    "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
}
SERVER = {"host": "db.example.com", "login": "loader", "password": SECRET, "schema": "shop"}
KEY_TEXT = base64.b64encode(json.dumps({"project_id": "q"}).encode()).decode()
CREDENTIALS = ("credentials",)
FILES = ("credentials", "bucket_url", "file_glob")
TABLES = ("credentials", "table_names")


def connection(conn_type, extra=None, **fields):
    return ConnectionValues("the_conn", conn_type, extra=extra or {}, **fields)


def dlt_connection(destination, extra=None, **fields):
    return connection("dlt", {"destination": destination, **(extra or {})}, **fields)
