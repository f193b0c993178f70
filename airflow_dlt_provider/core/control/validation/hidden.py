"""Keeps secrets out of what a check says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from airflow_dlt_provider.core.errors import SettingsError
from airflow_dlt_provider.core.planning.from_source import environment_of
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.environment import secrets_in
from airflow_dlt_provider.core.registry.values import resolve_source, resolve_values
from airflow_dlt_provider.core.run_context import secrets_of_files

HIDDEN = "***"
SHORTEST_SECRET = 4
"""A shorter value is a part of many words, and would make text unreadable."""

_IN_ADDRESS = re.compile(r"://[^/\s@]+@")
_SECRET_WORDS = ("password", "key", "token", "secret")


def secrets_of(source: DeclaredSource) -> tuple[str, ...]:
    """Return every secret that the source, and the files of its project, may bring into a text."""
    spec = source.source_spec()
    try:
        environment = environment_of(spec)
        in_files = secrets_of_files(spec.base_dir, None)
    except SettingsError:
        # a file that nobody can read gives no secret away
        return ()
    destination = {"destination": source.destination}
    return (
        *in_files,
        *secrets_in(environment.env_file),
        *resolve_source(spec, environment, keep_missing=True).secrets,
        *resolve_values(destination, environment, keep_missing=True).secrets,
    )


def secrets_of_credentials(credentials: Any) -> Iterator[str]:
    """Yield what is secret in credentials of dlt's, as far as their names tell."""
    with suppress(TypeError, ValueError):
        for key, value in dict(credentials).items():
            if isinstance(value, str) and any(word in key for word in _SECRET_WORDS):
                yield value


def one_line(text: str, secrets: Iterable[str]) -> str:
    """Return *text* in one line, with every secret hidden."""
    text = _IN_ADDRESS.sub(f"://{HIDDEN}@", text)
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return " ".join(text.split())
