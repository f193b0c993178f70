"""A plan made the long way: import the user's module, call the function, look at its source."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import dlt

from airflow_dlt_provider.core.errors import (
    DltProviderError,
    SettingsError,
    SourceFailedError,
)
from airflow_dlt_provider.core.planning.decompose import plan_tasks
from airflow_dlt_provider.core.planning.hints import without_computed_values
from airflow_dlt_provider.core.planning.plan import LoadPlan
from airflow_dlt_provider.core.planning.source_import import (
    build_sources,
    import_function,
    user_code,
)
from airflow_dlt_provider.core.planning.user_files import user_files
from airflow_dlt_provider.core.problem import describe_problem
from airflow_dlt_provider.core.registry.connection_secrets import secrets_of, without_secrets
from airflow_dlt_provider.core.registry.environment import (
    Environment,
    Mask,
    read_env_file,
    secrets_in,
    secrets_of_settings,
    sections_of,
)
from airflow_dlt_provider.core.registry.values import resolve_source
from airflow_dlt_provider.core.run_context import (
    planning_context,
    secret_documents,
    secrets_of_files,
)
from airflow_dlt_provider.core.spec import PlanSpec, SourceSpec


def plan_from_source(
    spec: PlanSpec, missing_secrets: list[str] | None = None, mask: Mask | None = None
) -> tuple[LoadPlan, set[Path]]:
    """Plan the source of *spec* and return the plan with the files that it depends on.

    Nothing is extracted, but the source's own function runs. Secrets need not be known: an unset
    `${VAR}` stays as it is written, and dlt finds a placeholder.

    Args:
        spec: What the user asked for.
        missing_secrets: Is given the names of the secrets that the function must have, and that
            are nowhere.
        mask: Is given every secret that the function may bring into a text.

    Raises:
        PlanError: The user asked for something that is not there.
        SourceFailedError: The source's function failed.
        SyntaxError, ImportError, NameError, AttributeError: The user's module is wrong.
    """
    source = planned_source(spec.source)
    secrets = secrets_of_source(spec.source)
    if mask is not None:
        mask(secrets)
    asked: list[str] = []
    known_before = set(sys.modules)
    with user_code(source), planning_context(source, asked):
        try:
            sources = build_sources(source)
        except (DltProviderError, ImportError, SyntaxError, NameError):
            raise
        except (Exception, SystemExit) as error:
            if _is_misspelt(error):
                raise
            # dlt looks settings up once more for the text of some errors, so it is made here
            problem = without_secrets(describe_problem(error), secrets)
            raise SourceFailedError(problem) from None
        finally:
            if missing_secrets is not None and asked:
                missing_secrets += _required(source, asked)
        plan = plan_tasks(sources, spec)
        references = [source.source, *([source.configure] if source.configure else [])]
        functions = [import_function(reference, source.modules_dir) for reference in references]
        files = user_files(functions, known_before, *source.module_dirs)
        said = (source.source_kwargs, source.options.as_document())
        known = [*(path.read_text(errors="replace") for path in files), repr(said)]
        return without_computed_values(plan, known), files


def planned_source(source: SourceSpec) -> SourceSpec:
    """Return *source* with the references that have a value here replaced."""
    resolved = resolve_source(source, environment_of(source), keep_missing=True)
    return replace(source, source_kwargs=resolved.values)


def secrets_of_source(source: SourceSpec) -> tuple[str, ...]:
    """Return every secret that a source, and the files of its project, may bring into a text."""
    try:
        environment = environment_of(source)
        in_files = secrets_of_files(source.base_dir, None)
    except SettingsError:
        # a file that nobody can read gives no secret away
        return ()
    return (
        *in_files,
        *secrets_in(environment.env_file),
        *resolve_source(source, environment, keep_missing=True).secrets,
        *secrets_of_settings(environment.process),
        *(secrets_of(source.connection) if source.connection else ()),
    )


def environment_of(source: SourceSpec) -> Environment:
    """Return where the variables of *source* are looked up without Airflow.

    Raises:
        SettingsError: A file of secrets is no TOML.
    """
    registration = source.registration
    sections: list[Mapping[str, Any]] = []
    if registration:
        for document in secret_documents(source.base_dir, None):
            sections += sections_of(document, registration.name)
    return Environment(env_file=read_env_file(registration), sections=sections)


def _required(source: SourceSpec, asked: Iterable[str]) -> list[str]:
    """Return those of the secrets that the function has no value of its own for."""
    function = import_function(source.source, source.modules_dir)
    parameters = inspect.signature(function).parameters
    # dlt's `dlt.secrets.value` is a default that is none
    without = (inspect.Parameter.empty, dlt.secrets.value)
    return [name for name in asked if name in parameters and parameters[name].default in without]


def _is_misspelt(error: BaseException) -> bool:
    """Tell whether *error* is that of a module without such an attribute, as in `dlt.resorce`."""
    return isinstance(error, AttributeError) and isinstance(error.obj, ModuleType)
