"""`${VAR}` in what a user wrote, resolved where the task runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from airflow_dlt_provider.core.errors import ValueReferenceError

_REFERENCE = re.compile(r"\$(?:\$|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\})")


@dataclass(frozen=True)
class ResolvedValues:
    """What was written, with every reference replaced."""

    values: dict[str, Any]
    secrets: tuple[str, ...]
    """The values that came from the environment: to be masked wherever text is shown."""


def resolve_values(
    values: Mapping[str, Any], environment: Mapping[str, str], *, keep_missing: bool = False
) -> ResolvedValues:
    """Replace `${VAR}`, `${VAR:-default}` and `$$` in every string of *values*, at any depth.

    Args:
        values: Keyword arguments as the user wrote them; keys are left alone.
        environment: Where a variable is looked up.
        keep_missing: Leave a reference without a value as it is, as planning does, where a
            secret need not be known.

    Raises:
        ValueReferenceError: A variable has neither a value nor a default.
    """
    resolver = _Resolver(environment, keep_missing)
    resolved = {key: resolver.resolve(value, key) for key, value in values.items()}
    return ResolvedValues(resolved, tuple(dict.fromkeys(resolver.secrets)))


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


@dataclass
class _Resolver:
    environment: Mapping[str, str]
    keep_missing: bool
    secrets: list[str] = field(default_factory=list)

    def resolve(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            return _REFERENCE.sub(lambda match: self._replacement(match, key), value)
        if isinstance(value, Mapping):
            return {name: self.resolve(item, f"{key}.{name}") for name, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.resolve(item, f"{key}[{i}]") for i, item in enumerate(value))
        return value

    def _replacement(self, match: re.Match[str], key: str) -> str:
        name, default = match["name"], match["default"]
        if name is None:
            return "$"
        if name in self.environment:
            self.secrets.append(self.environment[name])
            return self.environment[name]
        if default is not None:
            return default
        if self.keep_missing:
            return match[0]
        raise ValueReferenceError(name, key)
