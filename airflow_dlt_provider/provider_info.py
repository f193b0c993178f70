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
                        "Import dlt in the scheduler and in the Dag processor before they fork, "
                        "so that no task has to, and in the API server when it starts.",
                        "False",
                        default="True",
                    ),
                },
            }
        },
    }


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
