"""What Airflow discovers, perhaps before it is configured: nothing of it is imported here."""

from __future__ import annotations

from typing import Any

from airflow_dlt_provider.version import __version__


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata in the format of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "airflow-dlt-provider",
        "name": "dlt",
        "description": "dlt sources as Dags with one task per resource.",
        "versions": [__version__],
        # Airflow 3.2 is the first that reads this
        "cli": ["airflow_dlt_provider.airflow_command.get_cli_commands"],
        "extra-links": [
            "airflow_dlt_provider.operators.links.ResourceLink",
            "airflow_dlt_provider.operators.links.TableAssetLink",
        ],
        "connection-types": [_connection_type()],
        "config": {
            "dlt": {
                "description": "Settings of airflow_dlt_provider.",
                "options": {
                    "data_dir": _option(
                        "Folder of the DuckDB files of pipelines whose destination is not "
                        "configured, one file per pipeline name. Default: AIRFLOW_HOME/data.",
                        "/data/duckdb",
                    ),
                    "working_dir": _option(
                        "Folder below which every task extracts and normalizes. "
                        "Default: a folder of this user's in the system's temporary folder.",
                        "/scratch/airflow_dlt",
                    ),
                    "manifest_ttl": _option(
                        "Seconds after which the tasks of a source are planned again although no "
                        "file has changed, as a database may have new tables.",
                        "600",
                        default="3600",
                    ),
                    "state_store": _option(
                        "Where the history of loads and the requests of persons are kept: asset, "
                        "which is Airflow's own asset state store (Airflow >= 3.3), the URL of a "
                        "database for SQLAlchemy, or the id of an Airflow connection to one. "
                        "Default: asset, or before Airflow 3.3 the file dlt_state.db in "
                        "AIRFLOW_HOME.",
                        "postgresql://user:password@host/database",
                        sensitive=True,
                    ),
                    "kept_loads": _option(
                        "How many loads of each resource the state store keeps.",
                        "200",
                        default="50",
                    ),
                    "lock_timeout": _option(
                        "Seconds that a load waits for another one that writes the same, before "
                        "it fails.",
                        "600",
                        default="3600",
                    ),
                    "preload": _option(
                        "Import dlt in the scheduler, the Dag processor and a Celery worker before "
                        "they fork, so that no task has to, and in the API server when it starts.",
                        "False",
                        default="True",
                    ),
                },
            }
        },
    }


def _connection_type() -> dict[str, Any]:
    return {
        "connection-type": "dlt",
        "hook-class-name": "airflow_dlt_provider.hooks.dlt.DltHook",
        "hook-name": "dlt",
        "ui-field-behaviour": {
            # what it would hold has fields of its own
            "hidden-fields": ["extra"],
            "relabeling": {"login": "User", "schema": "Database"},
            "placeholders": {
                "destination": "postgres",
                "host": "db.example.com",
                "schema": "analytics",
                "secret_credentials": "in place of the fields above: postgresql://user:password@host/db",
                "config": '{"bucket_url": "s3://my-bucket/path"}',
            },
        },
        "conn-fields": {
            "destination": _text_field(
                "Destination", "Name of a dlt destination, such as postgres, bigquery or filesystem"
            ),
            # a name that Airflow's API takes for a secret: it shows `credentials` to any reader
            "secret_credentials": _text_field(
                "Credentials",
                "A connection string in place of host, port, user, password and database; or a "
                "JSON object with more of dlt's credentials, by dlt's own names",
                "password",
            ),
            "config": _text_field(
                "Arguments", "Other arguments of the destination, as a JSON object", "multiline"
            ),
        },
    }


def _text_field(label: str, description: str, text_format: str | None = None) -> dict[str, Any]:
    schema = {"type": ["string", "null"], **({"format": text_format} if text_format else {})}
    return {"label": label, "description": description, "schema": schema}


def _option(
    description: str, example: str, default: str | None = None, *, sensitive: bool = False
) -> dict[str, Any]:
    return {
        "description": description,
        "version_added": "0.1.0",
        "type": "string",
        "example": example,
        "default": default,
        # may then be given by a command or a secrets backend, and is not shown
        **({"sensitive": True} if sensitive else {}),
    }
