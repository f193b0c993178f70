"""What an exception of a load means: whether trying again helps, and one line that says why."""

from __future__ import annotations

from collections.abc import Iterator

from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    LookupTrace,
)
from dlt.common.destination.exceptions import DestinationTransientException, SchemaUpdateError
from dlt.common.exceptions import MissingDependencyException, TerminalException
from dlt.common.schema.exceptions import DataValidationError
from dlt.pipeline.exceptions import PipelineStepFailed

from airflow_dlt_provider.core.errors import (
    DltProviderError,
    LoadError,
    TerminalLoadError,
    TransientLoadError,
)

ENVIRONMENT = "Environment Variables"
"""dlt's name of the provider that reads environment variables."""

TERMINAL = (
    ConfigurationException,
    DataValidationError,
    DltProviderError,
    ImportError,
    MissingDependencyException,
    SyntaxError,
    TerminalException,
)


def load_error(error: Exception, pipeline_name: str) -> LoadError:
    """Return the error of the core that *error* of dlt, or of user code, amounts to."""
    step: str = "source"
    cause: BaseException = error
    if isinstance(error, PipelineStepFailed):
        step, cause = error.step, error.exception
    problem = f"{type(cause).__name__}: {str(cause).strip()}"
    if isinstance(cause, ConfigFieldMissingException):
        problem = _missing_configuration(cause)
    error_type = TerminalLoadError if is_terminal(cause) else TransientLoadError
    return error_type(pipeline_name, step, problem)


def _missing_configuration(error: ConfigFieldMissingException) -> str:
    """Say in one line what is missing and where to put it; dlt lists all it tried in many."""
    keys = [
        trace.key
        for traces in error.traces.values()
        for trace in traces
        if isinstance(trace, LookupTrace) and trace.provider == ENVIRONMENT
    ]
    # the first keys carry the name of the pipeline, which is rarely meant
    key = next((key for key in keys if key.startswith(("SOURCES__", "DESTINATION__"))), None)
    wanted = f"{', '.join(error.fields)} of {error.spec_name}"
    if key is None:
        return f"missing configuration: {wanted}. {error}"
    section, _, name = key.lower().replace("__", ".").rpartition(".")
    return (
        f"missing configuration: {wanted}; set the environment variable {key}, or "
        f"{name} in section [{section}] of .dlt/secrets.toml or of the dlt_secrets_toml Variable"
    )


def is_terminal(error: BaseException) -> bool:
    """Tell whether *error* would come again however often the load is tried."""
    for cause in _chain(error):
        if isinstance(cause, DestinationTransientException | ConnectionError | TimeoutError):
            return False
        if isinstance(cause, TERMINAL):
            return True
    return False


def is_schema_race(error: BaseException) -> bool:
    """Tell whether another task created or changed the same tables at the same moment.

    On a first load into PostgreSQL, up to five of six tasks that reach their load together fail
    so (measured); dlt applies what is still missing when `load` is called again.
    """
    return any(isinstance(cause, SchemaUpdateError) for cause in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
