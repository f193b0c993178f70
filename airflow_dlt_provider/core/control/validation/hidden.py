"""Keeps secrets out of what a check says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from airflow_dlt_provider.core.errors import SettingsError
from airflow_dlt_provider.core.planning.from_source import environment_of, secrets_of_source
from airflow_dlt_provider.core.registry.connection_secrets import without_secrets
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.hidden import HIDDEN
from airflow_dlt_provider.core.registry.values import resolve_values

_IN_ADDRESS = re.compile(r"://[^/\s@]+@")
_SECRET_WORDS = ("password", "key", "token", "secret")


def secrets_of(source: DeclaredSource) -> tuple[str, ...]:
    """Return every secret that the source, and the files of its project, may bring into a text."""
    spec = source.source_spec()
    destination = {"destination": source.destination}
    try:
        environment = environment_of(spec)
    except SettingsError:
        return ()
    resolved = resolve_values(destination, environment, keep_missing=True)
    return (*secrets_of_source(spec), *resolved.secrets)


def secrets_of_credentials(credentials: Any) -> Iterator[str]:
    """Yield what is secret in credentials of dlt's, as far as their names tell."""
    with suppress(TypeError, ValueError):
        for key, value in dict(credentials).items():
            if isinstance(value, str) and any(word in key for word in _SECRET_WORDS):
                yield value


def one_line(text: str, secrets: Iterable[str]) -> str:
    """Return *text* in one line, with every secret hidden."""
    text = without_secrets(_IN_ADDRESS.sub(f"://{HIDDEN}@", text), secrets)
    return " ".join(text.split())
