"""`${VAR}` in what a user wrote, resolved where the task runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from airflow_dlt_provider.core.errors import ValueReferenceError
from airflow_dlt_provider.core.registry.environment import Environment
from airflow_dlt_provider.core.spec import SourceSpec

_REFERENCE = re.compile(r"\$(?:\$|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\})")

_LOG_IN = re.compile(r"[A-Za-z][\w+.-]*://([^/?#\s]*)@")


@dataclass(frozen=True)
class ResolvedValues:
    """What was written, with every reference replaced."""

    values: dict[str, Any]
    secrets: tuple[str, ...]
    """The values that came from the environment: to be masked wherever text is shown."""
    missing: tuple[ValueReferenceError, ...] = ()
    """What would be raised of each reference without a value, where these are kept."""


def resolve_values(
    values: Mapping[str, Any],
    environment: Environment,
    *,
    keep_missing: bool = False,
    keys_in: str = "source_kwargs",
    source_name: str | None = None,
) -> ResolvedValues:
    """Replace `${VAR}`, `${VAR:-default}` and `$$` in every string of *values*, at any depth.

    The user and the password of an address are quoted, whatever characters they have.

    Args:
        values: Keyword arguments as the user wrote them; keys are left alone.
        environment: Where a variable is looked up.
        keep_missing: Leave a reference without a value as it is, as planning does, where a
            secret need not be known.
        keys_in: What holds the values in the user's file, for an error.
        source_name: The registered name of the source, for an error.

    Raises:
        ValueReferenceError: A variable has neither a value nor a default.
    """
    resolver = _Resolver(environment, keep_missing, source_name)
    prefix = f"{keys_in}." if keys_in else ""
    resolved = {
        key: resolver.resolve(value, f"{prefix}{key}", key) for key, value in values.items()
    }
    return ResolvedValues(resolved, tuple(dict.fromkeys(resolver.secrets)), tuple(resolver.missing))


def resolve_source(
    spec: SourceSpec, environment: Environment, *, keep_missing: bool = False
) -> ResolvedValues:
    """Replace the references in the arguments of a source.

    Raises:
        ValueReferenceError: A variable has neither a value nor a default.
    """
    registration = spec.registration
    return resolve_values(
        spec.source_kwargs,
        environment,
        keep_missing=keep_missing,
        keys_in="dlt_native.function_kwargs" if registration else "source_kwargs",
        source_name=registration.name if registration else None,
    )


def protect_references(text: str, render: Callable[[str], Any]) -> Any:
    """Render *text* so that a `$` in what its templates yield is no reference.

    References belong to who wrote the Dag; a value from a trigger form or a connection must
    neither read the worker's environment nor lose a `$`.
    """
    references: list[str] = []
    # of this call alone, so that no value can pose as it
    mark = uuid4().hex

    def cut(match: re.Match[str]) -> str:
        references.append(match[0])
        return f"{mark}{len(references) - 1}{mark}"

    rendered = _escaped(render(_REFERENCE.sub(cut, text)))
    if not isinstance(rendered, str):
        return rendered
    return re.sub(rf"{mark}(\d+){mark}", lambda match: references[int(match[1])], rendered)


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_escaped(item) for item in value)
    return value


def _log_in(text: str) -> range:
    """Return where user and password stand in an address, in which `@` and `/` have a meaning."""
    blanked = _REFERENCE.sub(lambda match: "x" * len(match[0]), text)
    match = _LOG_IN.match(blanked)
    return range(match.start(1), match.end(1)) if match else range(0)


@dataclass
class _Resolver:
    environment: Environment
    keep_missing: bool
    source_name: str | None
    secrets: list[str] = field(default_factory=list)
    missing: list[ValueReferenceError] = field(default_factory=list)

    def resolve(self, value: Any, key: str, argument: str | None = None) -> Any:
        if isinstance(value, str):
            whole = _REFERENCE.fullmatch(value) is not None
            name = argument if whole else None
            log_in = _log_in(value)
            return _REFERENCE.sub(
                lambda match: self._replacement(
                    match, key, name, is_quoted=match.start() in log_in
                ),
                value,
            )
        if isinstance(value, Mapping):
            return {name: self.resolve(item, f"{key}.{name}") for name, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.resolve(item, f"{key}[{i}]") for i, item in enumerate(value))
        return value

    def _replacement(
        self, match: re.Match[str], key: str, argument: str | None, *, is_quoted: bool
    ) -> str:
        name, default = match["name"], match["default"]
        if name is None:
            return "$"
        found = self.environment.value_of(name, argument)
        # as in a shell, the default stands for what is empty, too
        if found is not None and (found or default is None):
            self.secrets.append(found)
            if not is_quoted:
                return found
            self.secrets.append(quote(found, safe=""))
            return self.secrets[-1]
        if default is not None:
            return default
        missing = ValueReferenceError(name, key, self.source_name)
        if self.keep_missing:
            self.missing.append(missing)
            return match[0]
        raise missing
