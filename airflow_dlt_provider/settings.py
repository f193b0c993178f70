"""The `[dlt]` section of Airflow's configuration."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from airflow.configuration import conf

SECTION = "dlt"
MANIFEST_TTL_SECONDS = 3600


def airflow_home() -> Path:
    """Return `AIRFLOW_HOME`."""
    from airflow.configuration import AIRFLOW_HOME

    return Path(AIRFLOW_HOME)


def data_dir() -> Path:
    """Return the folder of the default DuckDB files."""
    return Path(_option("data_dir") or airflow_home() / "data")


def manifest_dir() -> Path:
    """Return the folder of the cached manifests."""
    return airflow_home() / "dlt_manifests"


def manifest_ttl_seconds() -> float:
    """Return the age at which a manifest is made again."""
    return float(_option("manifest_ttl") or MANIFEST_TTL_SECONDS)


def working_dir() -> Path:
    """Return the folder below which every task instance gets a working folder of its own."""
    return Path(
        _option("working_dir") or Path(tempfile.gettempdir()) / f"airflow_dlt_{os.getuid()}"
    )


def state_store_url() -> str:
    """Return the address of the state store."""
    return f"sqlite:///{airflow_home() / 'dlt_state.db'}"


def is_preload_enabled() -> bool:
    """Tell whether dlt is imported before Airflow forks."""
    return (_option("preload") or "true").strip().lower() in ("true", "t", "1", "yes", "on")


def _option(name: str) -> str | None:
    value: str | None = conf.get(SECTION, name, fallback=None)
    return value or None
