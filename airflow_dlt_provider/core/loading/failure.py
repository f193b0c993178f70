"""What an exception of a load means: whether trying again helps, and one line that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination.exceptions import (
    DestinationTransientException,
    InvalidDestinationReference,
    SchemaUpdateError,
    UnknownDestinationModule,
)
from dlt.common.exceptions import MissingDependencyException, TerminalException
from dlt.common.schema.exceptions import DataValidationError
from dlt.extract.exceptions import InvalidResourceDataType
from dlt.extract.incremental.exceptions import IncrementalCursorInvalidCoercion
from dlt.pipeline.exceptions import PipelineStepFailed

from airflow_dlt_provider.core.errors import (
    DltProviderError,
    LoadError,
    TerminalLoadError,
    TransientLoadError,
)
from airflow_dlt_provider.core.problem import chain_of, describe_problem, missing_setting

TERMINAL = (
    ConfigurationException,
    DataValidationError,
    ImportError,
    IncrementalCursorInvalidCoercion,
    InvalidDestinationReference,
    InvalidResourceDataType,
    MissingDependencyException,
    SyntaxError,
    TerminalException,
    UnknownDestinationModule,
)


def raise_load_error(error: Exception, pipeline_name: str) -> NoReturn:
    """Raise the error of the core that *error* of dlt, or of user code, amounts to.

    Raises:
        TerminalLoadError: Trying again will not help.
        TransientLoadError: Trying again may help.
    """
    step: str | None = None
    cause: BaseException = error
    if isinstance(error, PipelineStepFailed):
        step, cause = error.step, error.exception
    error_type = TerminalLoadError if is_terminal(cause) else TransientLoadError
    # dlt makes the text of a missing setting whenever it is shown, by looking everything up once
    # more: out of our run context that asks Airflow for Variables, and the one line says it all
    shown = None if missing_setting(error) else error
    raise error_type(pipeline_name, step, describe_problem(cause)) from shown


def left_out_error(
    failures: Mapping[str, BaseException], pipeline_name: str, loaded: Sequence[str] = ()
) -> LoadError:
    """Return the error of a load that left out what had failed while it was extracted.

    Args:
        failures: Resource name -> why it failed.
        pipeline_name: The task's own dlt pipeline.
        loaded: Names of the resources that were loaded all the same.
    """
    problems = "; ".join(
        f"resource {name!r}: {describe_problem(error)}" for name, error in failures.items()
    )
    others = f"The others are loaded: {', '.join(loaded)}" if loaded else "Nothing is loaded"
    is_final = all(map(is_terminal, failures.values()))
    error_type = TerminalLoadError if is_final else TransientLoadError
    return error_type(pipeline_name, "extract", f"{problems}. {others}")


def is_terminal(error: BaseException) -> bool:
    """Tell whether *error* would come again however often the load is tried."""
    for cause in chain_of(error):
        if isinstance(cause, DltProviderError):
            return not cause.may_go_away
        if isinstance(cause, DestinationTransientException | ConnectionError | TimeoutError):
            return False
        if isinstance(cause, TERMINAL):
            return True
    return False


def is_schema_race(error: BaseException) -> bool:
    """Tell whether another task created or changed the same tables at the same moment.

    On a first load into PostgreSQL, up to five of six tasks that reach their load together fail
    so (measured); dlt applies what is still missing when `load` is called again. On a local disk,
    dlt makes the folder of a new dataset without minding that another task just has.
    """
    races = (SchemaUpdateError, FileExistsError)
    return any(isinstance(cause, races) for cause in chain_of(error))
