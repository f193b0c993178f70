"""What keeps a declared source from being planned, told at the key of `sources.yml` it is about."""

from __future__ import annotations

from airflow_dlt_provider.core.errors import (
    ConfigureError,
    DependencyCycleError,
    ResourceNotFoundError,
    SourceArgumentsError,
    SourceEmptyError,
    SourceReferenceError,
)
from airflow_dlt_provider.core.planning.from_source import secrets_of_source
from airflow_dlt_provider.core.problem import describe_import_problem
from airflow_dlt_provider.core.registry.connection_secrets import without_secrets
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.mistakes import Mistake
from airflow_dlt_provider.core.registry.yaml_tree import KeyPath

_OF_SOURCE = {
    SourceArgumentsError: ("dlt_native", "function_kwargs"),
    SourceEmptyError: ("dlt_native", "source_function"),
    ConfigureError: ("airflow", "configure"),
    DependencyCycleError: ("airflow", "after"),
    ImportError: ("dlt_native", "source_module"),
    SyntaxError: ("dlt_native", "source_module"),
    NameError: ("dlt_native", "source_module"),
    AttributeError: ("dlt_native", "source_module"),
}


def mistake_of(source: DeclaredSource, error: BaseException) -> Mistake:
    """Return *error*, with which the planning of *source* ended, as a mistake of one line."""
    text = without_secrets(describe_import_problem(error), secrets_of_source(source.source_spec()))
    problem = " ".join(text.split())
    return source.checked.mistake(_key_of(source, error), f"cannot be planned: {problem}")


def _key_of(source: DeclaredSource, error: BaseException) -> KeyPath:
    if isinstance(error, SourceReferenceError):
        if error.reference == source.entry.airflow.configure:
            return "airflow", "configure"
        return "dlt_native", f"source_{error.part}"
    if isinstance(error, ResourceNotFoundError):
        name = error.argument.partition("[")[0]
        return ("airflow", name) if name in source.entry.airflow.model_fields_set else ()
    return next((key for kind, key in _OF_SOURCE.items() if isinstance(error, kind)), ())
