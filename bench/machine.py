"""Date, versions and machine: what every section of the results says of itself."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("apache-airflow", "dlt", "duckdb", "pyarrow", "sqlalchemy", "psycopg2-binary")
BYTES_PER_GIB = 1024**3


def describe() -> tuple[str, ...]:
    """Return the lines that go under the title of a section."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    installed = [f"{name} {found}" for name in PACKAGES if (found := _version(name))]
    memory = psutil.virtual_memory().total / BYTES_PER_GIB
    load, _, _ = os.getloadavg()
    system = f"{platform.system()} {platform.release()}"
    return (
        now,
        f"Python {platform.python_version()}, {', '.join(installed)}",
        f"{_cpu_model()}, {os.cpu_count()} CPUs, {memory:.0f} GiB of memory, {system}",
        f"load average before the run: {load:.1f}",
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except ImportError:
        return None


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
