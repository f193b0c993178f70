"""The `[dlt]` section of Airflow's configuration."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from airflow.configuration import conf

SECTION = "dlt"
MANIFEST_TTL_SECONDS = 3600
LOCK_TIMEOUT_SECONDS = 3600


def airflow_home() -> Path:
    """Return `AIRFLOW_HOME`."""
    from airflow.configuration import AIRFLOW_HOME

    return Path(AIRFLOW_HOME)


def base_path() -> str:
    """Return what `[api] base_url` puts in front of all paths of Airflow's UI, or `""`."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def data_dir() -> Path:
    """Return the folder of the default DuckDB files."""
    return Path(_option("data_dir") or airflow_home() / "data")


def manifest_dir() -> Path:
    """Return the folder of the cached manifests."""
    return airflow_home() / "dlt_manifests"


def manifest_ttl_seconds() -> float:
    """Return the age at which a cached manifest is made again.

    Raises:
        ValueError: It is no number above 0.
    """
    return _positive("manifest_ttl", MANIFEST_TTL_SECONDS, float)


def working_dir() -> Path:
    """Return the folder below which every task instance gets a working folder of its own."""
    return Path(
        _option("working_dir") or Path(tempfile.gettempdir()) / f"airflow_dlt_{os.getuid()}"
    )


def state_store() -> str | None:
    """Return what the configuration names as the state store."""
    return _option("state_store")


def state_store_url() -> str:
    """Return the address of the state store that is taken where nothing better is there."""
    return f"sqlite:///{airflow_home() / 'dlt_state.db'}"


def kept_loads() -> int:
    """Return how many loads of each resource a state store keeps.

    Raises:
        ValueError: It is no whole number above 0.
    """
    # this brings dlt, which is not needed to parse a Dag
    from airflow_dlt_provider.core.state.store import KEPT_LOADS

    return int(_positive("kept_loads", KEPT_LOADS, int))


def lock_timeout_seconds() -> float:
    """Return how long a load waits for another that writes the same.

    Raises:
        ValueError: It is no number above 0.
    """
    return _positive("lock_timeout", LOCK_TIMEOUT_SECONDS, float)


def is_preload_enabled() -> bool:
    """Tell whether dlt is imported before Airflow forks."""
    return (_option("preload") or "true").strip().lower() in ("true", "t", "1", "yes", "on")


def _option(name: str) -> str | None:
    value: str | None = conf.get(SECTION, name, fallback=None)
    return value or None


def _positive(name: str, default: float, number: type[int] | type[float]) -> float:
    text = _option(name)
    if text is None:
        return default
    try:
        value = number(text)
    except ValueError:
        value = 0
    if not 0 < value < math.inf:
        kind = "a whole number" if number is int else "a number of seconds"
        raise ValueError(
            f"[{SECTION}] {name} = {text!r} in Airflow's configuration is not {kind} above 0"
        )
    return value
