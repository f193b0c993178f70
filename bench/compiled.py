"""Stops a bench where processes would spend their time on compiling what they import."""

from __future__ import annotations

import compileall
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

CHECKED = ("airflow", "dlt", "fastapi", "sqlalchemy")


def require_compiled(packages: Sequence[str] = CHECKED) -> None:
    """Compile this project, and stop where one of *packages* is not compiled.

    Raises:
        SystemExit: Processes would compile what they import, each of them anew.
    """
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):
        raise SystemExit("PYTHONDONTWRITEBYTECODE is set; unset it")
    compileall.compile_dir(Path(_file_of("airflow_dlt_provider")).parent, quiet=1)
    for name in packages:
        if not Path(importlib.util.cache_from_source(_file_of(name))).exists():
            raise SystemExit(f"{name} is not compiled; install it by `make setup`")


def _file_of(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name} is not installed; run `make setup`")
    return spec.origin
