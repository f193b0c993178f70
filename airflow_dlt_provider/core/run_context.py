"""Where dlt looks for settings and secrets while we plan or load.

dlt keeps this in one object of the process, its run context. Left alone in an Airflow task, it
asks the API server for a Variable for every single key: 680 to 745 requests and 10 s for a load
of ten rows (measured, dlt 1.31.0 on Airflow 3.3.2). Here it looks, in this order, at

1. environment variables,
2. `.dlt/secrets.toml` and `.dlt/config.toml` beside the Dag file, then in dlt's global folder,
3. the text of the `dlt_secrets_toml` Variable, which the caller read once,
4. the same again under the base name of the pipeline: every task has a dlt pipeline of its own,
   but a user's section `[my_pipeline.sources...]` goes by the name that they gave,
5. the defaults of this package.

Of a declared source, each place is first asked for `[sources.<registered name>]`, and then for the
sections that dlt has for its module and its function.

What was there before is put back at the end, so that a user's own dlt code elsewhere in the
process sees nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import tomlkit
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import CustomLoaderDocProvider
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.pipeline import StateInjectableContext, TPipelineState
from dlt.common.runtime.run_context import DOT_DLT, RunContext
from tomlkit.exceptions import ParseError

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import SettingsError
from airflow_dlt_provider.core.settings_providers import (
    BaseNameProvider,
    PlaceholderProvider,
    with_registered_name,
)
from airflow_dlt_provider.core.spec import (
    PUBLIC_SETTINGS,
    SECRETS_VARIABLE,
    Registration,
    SourceSpec,
)

DEFAULTS: Mapping[str, Any] = {
    "providers": {"enable_airflow_secrets": False},
    # rows of an unfinished load are found by this column; dlt adds it to Arrow data only when told
    "normalize": {"parquet_normalizer": {"add_dlt_load_id": True}},
    # what is extracted is read once more on this machine, and then removed; gzip takes a third of
    # the time of both (docs/performance.md)
    "sources": {"data_writer": {"disable_compression": True}},
    # tasks that load at the same moment share the staging bucket
    "destination": {"truncate_tables_on_staging_destination_before_load": False},
}

DEFAULTS_NAME = "defaults of airflow_dlt_provider"


class ProjectRunContext(RunContext):
    """dlt's run context for the folder of one Dag file."""

    def __init__(
        self,
        base_dir: Path,
        local_dir: Path,
        *,
        users: Sequence[ConfigProvider] = (),
        base_names: Mapping[str, str] | None = None,
        registered_name: str | None = None,
        fallbacks: Sequence[ConfigProvider] = (),
    ) -> None:
        super().__init__(str(base_dir))
        self._local_dir = str(local_dir)
        self._registered_name = registered_name
        self._users = users
        self._base_names = base_names or {}
        self._fallbacks = fallbacks

    @property
    def local_dir(self) -> str:
        """Where a relative path of a local destination starts."""
        return self._local_dir

    def initial_providers(self) -> list[ConfigProvider]:
        """Return the providers in the order in which they are asked."""
        users = [*super().initial_providers(), *self._users]
        if self._registered_name:
            users = with_registered_name(self._registered_name, users)
        return [*users, BaseNameProvider(self._base_names, users), *self._fallbacks]


@contextmanager
def planning_context(
    source: SourceSpec, missing_secrets: list[str] | None = None
) -> Iterator[None]:
    """Let dlt look beside the Dag file, and give placeholders for secrets that are not there.

    Source-level state is there and empty, as it is in a first run.

    Args:
        source: The source.
        missing_secrets: Is given the names of the secrets of sources that have placeholders.
    """
    context = ProjectRunContext(
        source.base_dir,
        source.base_dir,
        registered_name=source.registration.name if source.registration else None,
        fallbacks=[PlaceholderProvider(missing_secrets), _doc_provider(DEFAULTS_NAME, DEFAULTS)],
    )
    with (
        _injected(context),
        Container().injectable_context(StateInjectableContext(state=TPipelineState())),
    ):
        yield


@contextmanager
def loading_context(
    base_dir: Path,
    data_dir: Path,
    pipeline_name: str,
    task_pipeline_name: str,
    secrets_toml: str | None = None,
    registration: Registration | None = None,
) -> Iterator[None]:
    """Let dlt look where a task of *pipeline_name* finds its settings and secrets."""
    file_name = names.database_file_name(pipeline_name, is_declared=registration is not None)
    defaults = {
        **DEFAULTS,
        # one file for all tasks; the key is a part of the credentials, so that a user's
        # connection string, or a user's `database`, wins over it
        "destination": {
            **DEFAULTS["destination"],
            "duckdb": {"credentials": {"database": str(data_dir / file_name)}},
        },
    }
    context = ProjectRunContext(
        base_dir,
        data_dir,
        users=[_doc_provider(SECRETS_VARIABLE, _parse_toml(secrets_toml, SECRETS_VARIABLE))]
        if secrets_toml
        else [],
        base_names={task_pipeline_name: pipeline_name},
        registered_name=registration.name if registration else None,
        fallbacks=[_doc_provider(DEFAULTS_NAME, defaults)],
    )
    with _injected(context):
        yield


def set_default(sections: Sequence[str], key: str, *, value: Any) -> None:
    """Set a default that is known only during a load, until that load ends.

    Args:
        sections: Where dlt looks for the setting.
        key: Its name there.
        value: Taken unless the user has set another one.
    """
    context = Container()[PluggableRunContext]
    context.providers[DEFAULTS_NAME].set_value(key, value, None, *sections)


def _doc_provider(name: str, document: Mapping[str, Any]) -> ConfigProvider:
    # a copy, as `set_default` writes into it
    return CustomLoaderDocProvider(name, lambda: deepcopy(dict(document)), supports_secrets=True)


@contextmanager
def _injected(context: RunContext) -> Iterator[None]:
    with Container().injectable_context(PluggableRunContext(context)):
        yield


def secret_documents(base_dir: Path, secrets_toml: str | None) -> list[dict[str, Any]]:
    """Return what is in `.dlt/secrets.toml`, and in *secrets_toml*.

    Raises:
        SettingsError: One of them is no TOML.
    """
    documents = [_parse_toml(secrets_toml or "", SECRETS_VARIABLE)]
    path = base_dir / DOT_DLT / "secrets.toml"
    if path.is_file():
        documents.insert(0, _parse_toml(path.read_text(), str(path)))
    return documents


def secrets_of_files(base_dir: Path, secrets_toml: str | None) -> tuple[str, ...]:
    """Return every string in `.dlt/secrets.toml` and in *secrets_toml*: all to be masked.

    Raises:
        SettingsError: One of them is no TOML.
    """
    documents = secret_documents(base_dir, secrets_toml)
    return tuple(dict.fromkeys(value for document in documents for value in _strings(document)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in PUBLIC_SETTINGS:
                yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str) and value:
        yield value


def _parse_toml(text: str, origin: str) -> dict[str, Any]:
    try:
        return tomlkit.parse(text).unwrap()
    except ParseError as error:
        # its own message may quote a secret
        raise SettingsError(origin, error.line) from None
