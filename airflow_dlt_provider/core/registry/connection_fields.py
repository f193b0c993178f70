"""What is read of a connection, and what it may become."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from airflow_dlt_provider.core.errors import ConnectionFieldError
from airflow_dlt_provider.core.registry.hidden import hide
from airflow_dlt_provider.core.spec import ConnectionValues

FIELD_NAMES = ("host", "port", "login", "password", "schema")
"""The fields that every Airflow connection has beside its extra."""


@dataclass(frozen=True)
class DestinationConfig:
    """A dlt destination, and the arguments of its factory."""

    name: str
    """dlt's name of the destination, such as `postgres`."""
    config: dict[str, Any] = field(default_factory=dict, repr=False)
    """`credentials` as a dict or a connection string, and whatever else the factory takes."""


@dataclass(frozen=True)
class FileAccess:
    """Files in a bucket or folder."""

    credentials: dict[str, Any] | None = field(default=None, repr=False)
    """By dlt's names; `None` leaves it to dlt to find some where the task runs."""
    bucket_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class MappedType:
    """A type of Airflow connection that dlt can use."""

    conn_type: str
    destination_names: tuple[str, ...]
    """The dlt destinations that it may become; empty where it is a source only."""
    source: str
    """What a source gets of it, for the documentation."""
    fields: tuple[str, ...]
    """Which of `FIELD_NAMES` are read."""
    extras: tuple[str, ...]
    """Which keys of the extra are read."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Which keys of the extra ask for what dlt cannot do -> what to do in their place."""
    destination: Callable[[Fields], DestinationConfig] | None = None
    sql_url: Callable[[Fields], str] | None = None
    """Gives the URL by which SQLAlchemy reads tables."""
    files: Callable[[Fields], FileAccess] | None = None


class Fields:
    """The fields of one connection; an empty one is none.

    Raises:
        ConnectionFieldError: Its extra asks for what dlt cannot do.
    """

    def __init__(self, values: ConnectionValues, mapped: MappedType) -> None:
        self._values = values
        self._mapped = mapped
        for name, advice in mapped.refused.items():
            self.refuse(name, advice)

    def get(self, name: str) -> Any:
        """Return one of the fields that the type is declared to read: text, or a number as port.

        Raises:
            ConnectionFieldError: It is something else.
        """
        if name not in self._mapped.fields:
            raise KeyError(f"{self._mapped.conn_type} does not declare {name}")
        value = getattr(self._values, name)
        return self._number(name, value) if name == "port" else self._text(name, value)

    def option(self, name: str) -> str | None:
        """Return a key of the extra as text; a truth value is `true` or `false`.

        Raises:
            ConnectionFieldError: It is an object or a list.
        """
        return self._text(name, self.any_option(name))

    def any_option(self, name: str) -> Any:
        """Return a key of the extra, also if it is written as `extra__<type>__<name>`."""
        if name not in self._mapped.extras and name not in self._mapped.refused:
            raise KeyError(f"{self._mapped.conn_type} does not declare extra {name}")
        for key in (name, f"extra__{self._values.conn_type}__{name}"):
            value = self._values.extra.get(key)
            if value is not None and value != "":
                return value
        return None

    def flag(self, name: str) -> bool:
        """Tell whether a key of the extra is true; a URI gives it as text."""
        return (self.option(name) or "").lower() in ("true", "t", "1", "yes", "on")

    def number(self, name: str) -> int | None:
        """Return a key of the extra that holds a whole number, perhaps as text.

        Raises:
            ConnectionFieldError: It is something else.
        """
        return self._number(name, self.any_option(name))

    def need(self, name: str, meaning: str) -> Any:
        """Return a field.

        Raises:
            ConnectionFieldError: It is empty.
        """
        value = self.get(name)
        if value is None:
            raise self.error(f"has no {name}; set it: {meaning}")
        return value

    def need_extra(self, name: str, meaning: str) -> Any:
        """Return a key of the extra.

        Raises:
            ConnectionFieldError: It is not there.
        """
        value = self.option(name)
        if value is None:
            raise self.error(f"has no {name!r} in its extra; set it: {meaning}")
        return value

    def refuse(self, name: str, advice: str) -> None:
        """Stop at a key of the extra that asks for what dlt cannot do.

        Raises:
            ConnectionFieldError: It is there, and is not false.
        """
        value = self.any_option(name)
        if value is not None and str(value).lower() not in ("false", "0", "no", "off"):
            raise self.error(f"has {name!r} in its extra, which dlt cannot follow; {advice}")

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a key of the extra that holds an object, perhaps as JSON text; empty if none.

        Raises:
            ConnectionFieldError: It is something else.
        """
        value = self.any_option(name)
        try:
            value = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            value = ()
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.error(f"has a {name!r} in its extra that is no JSON object")
        return dict(value)

    def host_name(self, address: str) -> str:
        """Return the name of the host in an address, with or without a scheme.

        Raises:
            ConnectionFieldError: There can be none in it.
        """
        try:
            return urlsplit(address if "://" in address else f"//{address}").hostname or ""
        except ValueError:
            # its own message repeats the address, which may hold a token
            raise self.error("has a host that is no address") from None

    def present(self, *names: str, **renamed: str) -> dict[str, Any]:
        """Return those keys of the extra that are there.

        Args:
            names: Keys that dlt calls the same.
            renamed: dlt's name -> the key.
        """
        options = dict(zip(names, names, strict=True)) | renamed
        return without_none({name: self.option(option) for name, option in options.items()})

    def _text(self, name: str, value: Any) -> str | None:
        if isinstance(value, Mapping | list | tuple):
            raise self.error(f"has a {name!r} that is an object or a list, and must be text")
        if isinstance(value, bool):
            return str(value).lower()
        return None if value is None or value == "" else str(value)

    def _number(self, name: str, value: Any) -> int | None:
        try:
            return None if value is None or value == "" else int(value)
        except (TypeError, ValueError):
            raise self.error(f"has a {name!r} that is no whole number") from None

    def error(self, problem: str) -> ConnectionFieldError:
        """Return the error that says what is wrong with the connection."""
        return ConnectionFieldError(self._values.conn_id, self._values.conn_type, problem)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not set."""
    return {name: value for name, value in values.items() if value is not None}


def destination_config(name: str, credentials: Any = None, /, **config: Any) -> DestinationConfig:
    """Build the config of a destination, without what is not set, and with nothing in a repr."""
    return DestinationConfig(name, hide(without_none({"credentials": credentials, **config})))
