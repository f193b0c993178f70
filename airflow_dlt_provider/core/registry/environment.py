"""Where a `${VAR}` of a source finds its value, on the worker.

In this order: the environment of the process, the project's `.env`, the section
`[sources.<name>]` of `.dlt/secrets.toml` or of the `dlt_secrets_toml` Variable, and an Airflow
Variable of that name. The environment comes first because it does in dlt, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dotenv import dotenv_values

from airflow_dlt_provider.core.spec import PUBLIC_SETTINGS, Registration

Mask = Callable[[Iterable[Any]], None]
"""Takes values that are to be hidden wherever text is shown."""

_SETTINGS = frozenset(("SOURCES", "DESTINATION", "CREDENTIALS"))
PLAIN_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "none", "null"))
SHORTEST_SECRET_NUMBER = 6
"""Digits: ports and sizes have fewer, and passwords that are numbers as many or more."""


@dataclass(frozen=True)
class Environment:
    """The places in which the variables of one source are looked up, in their order."""

    process: Mapping[str, str] = field(default_factory=lambda: os.environ)
    env_file: Mapping[str, str] = field(default_factory=dict)
    sections: Sequence[Mapping[str, Any]] = ()
    """The sections `[sources.<name>]`."""
    ask: Callable[[str], str | None] | None = None
    """Asks for a variable that is nowhere else; it costs a request."""

    def value_of(self, variable: str, argument: str | None = None) -> str | None:
        """Return the value of a variable.

        Args:
            variable: Its name.
            argument: The argument whose whole value it is; a section may go by that name.
        """
        for place in (self.process, self.env_file):
            if variable in place:
                return place[variable]
        for name in filter(None, (variable, argument)):
            for section in self.sections:
                if isinstance(section.get(name), str | int | float):
                    return str(section[name])
        return self.ask(variable) if self.ask else None


def read_env_file(registration: Registration | None) -> dict[str, str]:
    """Return the variables in the project's `.env`; a name without a value is none."""
    if registration is None or not registration.env_file.is_file():
        return {}
    found = dotenv_values(registration.env_file)
    return {name: value for name, value in found.items() if value is not None}


@contextmanager
def exported(variables: Mapping[str, str]) -> Iterator[None]:
    """Let user code find *variables* in `os.environ`, behind those that are there already."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def secrets_in(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of a `.env` that are to be masked: all but settings (see `is_plain`)."""
    return tuple(value for value in variables.values() if value and not is_plain(value))


def is_plain(text: str) -> bool:
    """Tell whether *text* is a plain word or a short number, as settings are."""
    digits = text.replace(".", "", 1).lstrip("-")
    is_short_number = digits.isdigit() and len(digits) < SHORTEST_SECRET_NUMBER
    return is_short_number or text.lower() in PLAIN_WORDS


def secrets_of_settings(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of those environment variables that are settings of dlt's, and secret."""
    return secrets_in(
        {
            name: value
            for name, value in variables.items()
            if not _SETTINGS.isdisjoint(parts := name.upper().split("__"))
            and parts[-1].lower() not in PUBLIC_SETTINGS
        }
    )


def sections_of(document: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the section `[sources.<name>]` of a parsed `secrets.toml`, if there is one."""
    sources = document.get("sources")
    section = sources.get(name) if isinstance(sources, Mapping) else None
    if isinstance(section, Mapping):
        yield section
