"""What an exception of a load means: whether trying again helps, and one line that says why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    LookupTrace,
    LookupTraces,
)
from dlt.common.destination.exceptions import (
    DestinationTransientException,
    InvalidDestinationReference,
    SchemaUpdateError,
    UnknownDestinationModule,
)
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
    InvalidDestinationReference,
    MissingDependencyException,
    SyntaxError,
    TerminalException,
    UnknownDestinationModule,
)


def load_error(error: Exception, pipeline_name: str) -> LoadError:
    """Return the error of the core that *error* of dlt, or of user code, amounts to."""
    step: str | None = None
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
    keys = [key for traces in error.traces.values() for key in _environment_keys(traces)]
    wanted = f"{', '.join(error.fields)} of {error.spec_name}"
    if not keys:
        return f"missing configuration: {wanted}. {error}"
    section = keys[0].lower().rpartition("__")[0].replace("__", ".")
    names = ", ".join(key.lower().rpartition("__")[2] for key in keys)
    return (
        f"missing configuration: {wanted}; set {', '.join(keys)} in the environment, or "
        f"{names} in section [{section}] of .dlt/secrets.toml or of the dlt_secrets_toml Variable"
    )


def _environment_keys(traces: Sequence[LookupTrace | LookupTraces]) -> list[str]:
    """Return the environment variable that sets each missing field, the most specific of each."""
    for trace in traces:
        if isinstance(trace, LookupTraces):
            # the first of several kinds of credentials; the others are told of in dlt's own error
            return [key for nested in trace.traces.values() for key in _environment_keys(nested)]
        # keys that begin with the name of the pipeline are looked up first, and rarely meant
        if trace.provider == ENVIRONMENT and trace.key.startswith(("SOURCES__", "DESTINATION__")):
            return [trace.key]
    return []


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
