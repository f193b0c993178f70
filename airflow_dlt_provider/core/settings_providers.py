"""dlt's configuration providers that look for settings under other names than dlt does."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlt.common.configuration import known_sections
from dlt.common.configuration.providers import EnvironProvider
from dlt.common.configuration.providers.doc import BaseDocProvider, CustomLoaderDocProvider
from dlt.common.configuration.providers.environ import SECRET_STORAGE_PATH
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.providers.toml import StringTomlProvider
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.typing import AnyType

PLACEHOLDER = "not-known-while-planning"


class _SecretsInSections(ConfigProvider):
    @property
    def supports_secrets(self) -> bool:
        """Tell that secrets may be found here."""
        return True

    @property
    def supports_sections(self) -> bool:
        """Tell that sections are looked up; they also say who asks."""
        return True


class BaseNameProvider(_SecretsInSections):
    """Looks for `[<pipeline>...]` sections under the base name of a task's pipeline.

    Where no provider has such a section, it is empty and dlt does not ask: a small load resolves
    a thousand fields, and asking each provider twice took a fifth of its time (dlt 1.31.0). A vault
    tells by each key alone what it has, so that it is asked as ever.
    """

    def __init__(self, base_names: Mapping[str, str], providers: Sequence[ConfigProvider]) -> None:
        self._base_names = base_names
        self._providers = providers
        self._prefixes = tuple(
            EnvironProvider.get_key_name("", base_name) for base_name in base_names.values()
        )
        self._may_find_anything = any(map(_is_mounted, self._prefixes)) or not all(
            isinstance(provider, _KNOWN_WHOLE) for provider in providers
        )

    @property
    def is_empty(self) -> bool:
        """Tell that nothing is said under a base name."""
        if self._may_find_anything:
            return False
        # the module of a source may set variables, such as those of a file `.env`
        if any(name.startswith(self._prefixes) for name in os.environ):
            return False
        return not any(
            provider.get_value(base_name, AnyType, "")[0]
            for base_name in self._base_names.values()
            for provider in self._providers
            if isinstance(provider, BaseDocProvider)
        )

    def get_value(
        self, key: str, hint: type[Any], pipeline_name: str | None, *sections: str
    ) -> tuple[Any | None, str]:
        """Return the first value found under the base name."""
        full_key = ".".join(filter(None, (pipeline_name, *sections, key)))
        base_name = self._base_names.get(pipeline_name or "")
        if base_name is None:
            return None, full_key
        for provider in self._providers:
            if is_secret_hint(hint) and not provider.supports_secrets:
                continue
            value, full_key = provider.get_value(key, hint, base_name, *sections)
            if value is not None:
                return value, full_key
        return None, full_key

    @property
    def name(self) -> str:
        """Name of the provider in dlt's messages."""
        return "Sections of the base pipeline name"


def _is_mounted(prefix: str) -> bool:
    """Tell whether a secret that is mounted as a file begins like the variables with *prefix*."""
    # as dlt names them: https://dlthub.com/docs/general-usage/credentials/setup
    secret = Path(SECRET_STORAGE_PATH % prefix.lower().replace("_", "-"))
    return any(path.name.startswith(secret.name) for path in secret.parent.glob("*"))


class RegisteredNameProvider(_SecretsInSections):
    """Looks for the settings of a source under the name that `sources.yml` gives to it.

    dlt knows a source by its module and function, and a project by `[sources.<registered name>]`.
    What dlt looks for in `sources.<module>.<function>` is found there as well; settings of one
    argument's own (`credentials.password`) keep their place below.
    """

    def __init__(self, registered_name: str, provider: ConfigProvider) -> None:
        self._registered_name = registered_name
        self._provider = provider

    def get_value(
        self, key: str, hint: type[Any], pipeline_name: str | None, *sections: str
    ) -> tuple[Any | None, str]:
        """Return the value in the section of the registered name."""
        if sections[:1] != (known_sections.SOURCES,):
            return None, key
        if is_secret_hint(hint) and not self._provider.supports_secrets:
            return None, key
        own = (known_sections.SOURCES, self._registered_name)
        # a function may have settings of its own there, too
        for rest in dict.fromkeys((sections[2:], sections[3:])):
            value, full_key = self._provider.get_value(key, hint, pipeline_name, *own, *rest)
            if value is not None:
                break
        return value, full_key

    @property
    def name(self) -> str:
        """Name of the provider in dlt's messages."""
        return f"{self._provider.name}, [sources.{self._registered_name}]"


_KNOWN_WHOLE = (
    EnvironProvider,
    CustomLoaderDocProvider,
    StringTomlProvider,
    # it asks one of the others
    RegisteredNameProvider,
)
"""Providers that need not be asked key by key, unlike a vault."""


class PlaceholderProvider(_SecretsInSections):
    """Gives text to a secret that nobody knows while planning, so that resources can be listed.

    Args:
        asked: Is given the names of those that sources ask for.
    """

    def __init__(self, asked: list[str] | None = None) -> None:
        self._asked = asked

    def get_value(
        self, key: str, hint: type[Any], pipeline_name: str | None, *sections: str
    ) -> tuple[Any | None, str]:
        """Return a placeholder for a secret, nothing for anything else."""
        if not is_secret_hint(hint):
            return None, key
        is_of_source = sections[:1] == (known_sections.SOURCES,)
        if self._asked is not None and is_of_source and key not in self._asked:
            self._asked.append(key)
        return PLACEHOLDER, key

    @property
    def name(self) -> str:
        """Name of the provider in dlt's messages."""
        return "Placeholders while planning"


def with_registered_name(
    registered_name: str, providers: Sequence[ConfigProvider]
) -> list[ConfigProvider]:
    """Let every provider be asked for the registered name before it is asked for the module's.

    The project's files are one place, whichever of them dlt reads first.
    """
    named = [RegisteredNameProvider(registered_name, provider) for provider in providers]
    environment, files, others = slice(0, 1), slice(1, 3), slice(3, None)
    return [
        provider
        for part in (environment, files, others)
        for provider in (*named[part], *providers[part])
    ]
