"""Every error of the core, by what the reader can do about it.

DltProviderError
├── PlanError(ValueError)              the Dag file asks for what cannot be planned
│   ├── SourceReferenceError           the text that names the source cannot be followed
│   ├── SourceArgumentsError           `source_kwargs` do not fit the source's function
│   ├── SourceEmptyError               the source holds nothing to load
│   ├── ConfigureError                 the `configure` function did not return a source
│   ├── ResourceNotFoundError          a name or pattern matches no resource
│   ├── TableConflictError             two tasks write one table, and one replaces it
│   ├── DependencyCycleError           `after` goes round in a circle
│   ├── ConnectionUseError             a connection of this type cannot be used so
│   ├── ConnectionFieldError           a connection lacks a field, or has one that dlt cannot follow
│   └── ConnectionParameterError       the source's function does not take what a connection gives
├── SourceFailedError(RuntimeError)    the source's own function failed while planning
├── SettingsError(ValueError)          a file or Variable with settings cannot be read
├── ManifestError(ValueError)          the file of a kept plan cannot be read
├── ProjectFileError(ValueError)       a sources.yml is not there, or wrong
├── ValueReferenceError(LookupError)   a `${VAR}` has no value where the task runs
├── ConnectionNotFoundError(LookupError)  no environment variable holds an Airflow connection
├── StateStoreError(ConnectionError)   the state store cannot be reached or read
├── StateError(ValueError)             what is asked of a state does not fit it
│   ├── ForeignRowsError               a first load would append to rows that are not its own
│   ├── RootKeyError                   nested rows that are there lack the key of their root row
│   └── EmptyRefreshError              a full refresh, or a replace, would only take rows away
├── LockTimeoutError(TimeoutError)     another load held a lock for too long
├── ConcurrentLoadError(RuntimeError)  another load of the same pipeline came first
└── LoadError(RuntimeError)            a load did not finish
    ├── TerminalLoadError              trying again will not help
    └── TransientLoadError             trying again may help

>>> try:
...     load_task(request, store)
... except TerminalLoadError:
...     ...  # tell a person
... except TransientLoadError:
...     ...  # try again
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal


class DltProviderError(Exception):
    """Base of every error raised by `airflow_dlt_provider.core`."""

    may_go_away: ClassVar[bool] = False
    """Whether trying again may help."""

    def __reduce__(self) -> tuple[Callable[..., DltProviderError], tuple[Any, ...]]:
        # errors that build their own message take other arguments than `Exception` remembers,
        # and executors pickle errors
        return _restore_error, (type(self), self.args, self.__dict__)


def _restore_error(
    error_type: type[DltProviderError], args: tuple[Any, ...], attributes: dict[str, Any]
) -> DltProviderError:
    error = error_type.__new__(error_type, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class PlanError(DltProviderError, ValueError):
    """Raised when a Dag file asks for something that cannot be planned."""


class SourceReferenceError(PlanError):
    """Raised when the text that names a source or a `configure` function cannot be followed.

    Attributes:
        reference: The text.
        part: Which part of it leads nowhere.
    """

    def __init__(
        self, reference: str, problem: str, part: Literal["module", "function"] = "function"
    ) -> None:
        self.reference = reference
        self.part = part
        super().__init__(f"{reference!r}: {problem}")


class SourceArgumentsError(PlanError):
    """Raised when `source_kwargs` do not fit the signature of the source's function.

    Those of a declared source go by the name *argument*.
    """

    def __init__(
        self, function_name: str, signature: str, problem: str, argument: str = "source_kwargs"
    ) -> None:
        self.function_name = function_name
        super().__init__(
            f"{argument} do not fit {function_name}{signature}: {problem}; "
            f"change {argument} or the function's parameters"
        )


class SourceEmptyError(PlanError):
    """Raised when a source's function returned nothing that can be loaded."""

    def __init__(self, function_name: str, returned: str) -> None:
        self.function_name = function_name
        super().__init__(
            f"{function_name}() returned {returned}, which holds nothing to load; "
            "return a dlt source, a dlt resource, or a list of them"
        )


class ConfigureError(PlanError):
    """Raised when a `configure` function returned something else than a source."""

    def __init__(self, function_name: str, returned: str) -> None:
        self.function_name = function_name
        super().__init__(
            f"configure function {function_name}() returned {returned}; "
            "return the source that it was given, changed"
        )


class ResourceNotFoundError(PlanError):
    """Raised when a name or pattern matches no resource of the source."""

    def __init__(self, argument: str, asked: str, available: Iterable[str]) -> None:
        self.argument = argument
        self.asked = asked
        self.available = tuple(available)
        super().__init__(
            f"{argument} names {asked!r}, which matches no resource; {listed(self.available)}"
            f"{closest(asked, self.available)}"
        )


class TableConflictError(PlanError):
    """Raised when two tasks write one table and at least one of them replaces it."""

    def __init__(self, table_name: str, resource_names: Iterable[str]) -> None:
        self.table_name = table_name
        self.resource_names = tuple(resource_names)
        names = " and ".join(repr(name) for name in self.resource_names)
        super().__init__(
            f"resources {names} write one table, {table_name!r}, in tasks of their own, and one "
            "of them replaces it, so that it would erase the other's rows; give each a "
            'table_name of its own, exclude one, or load them together with decompose="none"'
        )


class DependencyCycleError(PlanError):
    """Raised when the order asked for in `after` has no first task."""

    def __init__(self, task_ids: Iterable[str]) -> None:
        self.task_ids = tuple(task_ids)
        super().__init__(
            f"after= goes round in a circle: {' after '.join(self.task_ids)}; "
            "take one of these entries out"
        )


class ConnectionUseError(PlanError):
    """Raised when a connection is of a type that cannot be used for what is asked."""

    def __init__(self, conn_id: str, conn_type: str, use: str, usable: Iterable[str]) -> None:
        self.conn_id = conn_id
        self.conn_type = conn_type
        self.usable = tuple(usable)
        super().__init__(
            f"connection {conn_id!r} is of type {conn_type!r}, which cannot be used as {use}; "
            f"types that can: {', '.join(self.usable)}{closest(conn_type, self.usable)}. Anything "
            "else that dlt knows can be given by a connection of type 'dlt'"
        )


class ConnectionFieldError(PlanError):
    """Raised when a field of a connection is missing, wrong or out of dlt's reach.

    Values of fields are not shown, since any of them may be a secret.
    """

    def __init__(self, conn_id: str, conn_type: str, problem: str) -> None:
        self.conn_id = conn_id
        self.conn_type = conn_type
        super().__init__(f"connection {conn_id!r} of type {conn_type!r} {problem}")


class ConnectionParameterError(PlanError):
    """Raised when the source's function has no parameter for what a connection gives."""

    def __init__(self, conn_id: str, missing: str, parameter_names: Iterable[str]) -> None:
        self.conn_id = conn_id
        self.parameter_names = tuple(parameter_names)
        has = ", ".join(self.parameter_names) or "none"
        super().__init__(
            f"connection {conn_id!r} is given to a source whose function takes no {missing!r}; its "
            f"parameters: {has}. Add a parameter {missing!r}, as dlt's own sql_database and "
            "filesystem have it, or leave the connection out"
        )


class SourceFailedError(DltProviderError, RuntimeError):
    """Raised when the source's own function failed while planning; the message says how."""


class SettingsError(DltProviderError, ValueError):
    """Raised when a file or Variable with settings is no TOML. Its text is not shown."""

    def __init__(self, origin: str, line: int) -> None:
        self.origin = origin
        self.line = line
        super().__init__(
            f"{origin} cannot be read: line {line} is no TOML; "
            'it must look like dlt\'s secrets.toml, for example: [sources.my_api] api_key = "..."'
        )


class ManifestError(DltProviderError, ValueError):
    """Raised when the file of a kept plan cannot be read: it is cut off, or something else."""

    def __init__(self, path: object, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path} is no manifest that can be read ({problem})")


class ProjectFileError(DltProviderError, ValueError):
    """Raised when a `sources.yml` is not there, cannot be read, or is wrong."""

    def __init__(self, path: object, problem: str) -> None:
        self.path = path
        super().__init__(f"{path}: {problem}")


class ValueReferenceError(DltProviderError, LookupError):
    """Raised when a `${VAR}` has neither a value nor a default where the task runs."""

    def __init__(self, variable: str, key: str, source_name: str | None = None) -> None:
        self.variable = variable
        self.key = key
        self.source_name = source_name
        source = f"source {source_name}, " if source_name else ""
        places = (
            f" there or in .env, put {variable} into [sources.{source_name}] of .dlt/secrets.toml,"
        )
        super().__init__(
            f"Environment variable {variable} ({source}{key}) is not set on this worker; "
            f"set it{places if source_name else ','} or give a default: ${{{variable}:-default}}"
        )


class ConnectionNotFoundError(DltProviderError, LookupError):
    """Raised when an Airflow connection is asked for without Airflow, and no variable holds it."""

    def __init__(self, conn_id: str, problem: str = "is not set") -> None:
        self.conn_id = conn_id
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        super().__init__(
            f"Airflow connection {conn_id!r} cannot be read: {variable} {problem}; set it to a URI "
            "such as postgres://user:password@host:5432/database, or run `airflow dlt ...`, which "
            "asks Airflow"
        )


class StateStoreError(DltProviderError, ConnectionError):
    """Raised when a state store cannot be reached or read. Trying again may help."""

    may_go_away = True

    def __init__(self, store_name: str, problem: str) -> None:
        self.store_name = store_name
        super().__init__(
            f"the state store {store_name} cannot be used: {problem}; "
            "[dlt] state_store in Airflow's configuration names it"
        )


class StateError(DltProviderError, ValueError):
    """Raised when what is asked of a resource's state does not fit that state."""


class ForeignRowsError(StateError):
    """Raised when a first load would append to a table that holds rows already."""

    def __init__(self, resource_name: str, table_name: str, pipeline_name: str) -> None:
        self.resource_name = resource_name
        self.table_name = table_name
        super().__init__(
            f"resource {resource_name!r} appends to table {table_name!r}, which holds rows that "
            f"neither the destination nor the state store knows a cursor for; loading from the "
            "beginning might double them. To go on from the cursor of the pipeline that loaded "
            f"them: airflow-dlt state adopt {pipeline_name} --from PIPELINE. To load into another "
            "place: another dataset_name or table. To replace these rows: run with full_refresh. "
            "To load from the beginning beside these rows: "
            f"airflow-dlt state reset {pipeline_name} {resource_name}"
        )


class RootKeyError(StateError):
    """Raised when nested tables hold rows, and would need the key of their root row from now on."""

    def __init__(self, resource_name: str, table_names: Iterable[str]) -> None:
        self.resource_name = resource_name
        self.table_names = tuple(table_names)
        super().__init__(
            f"resource {resource_name!r} is to be merged, or has root_key, and its nested tables "
            f"{', '.join(self.table_names)} hold rows that were loaded without the key of their "
            "root row (_dlt_root_id), which cannot be added to them; nothing was loaded. To have "
            "the tables made anew: run with full_refresh and refresh_mode drop_resources. To keep "
            "them: take the merge or root_key back"
        )


class EmptyRefreshError(StateError):
    """Raised when a load without rows would empty a table that holds some. Nothing was changed."""

    def __init__(self, resource_names: Iterable[str]) -> None:
        self.resource_names = tuple(resource_names)
        super().__init__(
            f"the source has no rows for {', '.join(self.resource_names)}, which would be written "
            "in place of those that the tables hold; the tables stay as they are. If they shall be "
            "emptied, start one run with the param allow_empty_replace, or one sync with "
            "--allow-empty-replace"
        )


class LockTimeoutError(DltProviderError, TimeoutError):
    """Raised when another load held a lock for too long. Trying again may help."""

    may_go_away = True

    def __init__(self, what: str, waited_seconds: float, holder: str | None) -> None:
        self.what = what
        self.holder = holder
        super().__init__(
            f"waited {waited_seconds:.0f} seconds for {what}, held by {holder or 'another load'}; "
            "nothing was loaded. Wait for that load or end it; [dlt] lock_timeout is the longest "
            "wait, in seconds"
        )


class ConcurrentLoadError(DltProviderError, RuntimeError):
    """Raised when another load of the same pipeline came first. Trying again may help."""

    may_go_away = True

    def __init__(self, pipeline_name: str) -> None:
        self.pipeline_name = pipeline_name
        super().__init__(
            f"another load of pipeline {pipeline_name!r} finished while this one extracted; "
            "nothing was loaded, since rows would be doubled. The next try goes on from there; "
            "let one Dag load a pipeline, with max_active_runs=1"
        )


class LoadError(DltProviderError, RuntimeError):
    """Raised when a load did not finish.

    Attributes:
        step: dlt's step that failed: `sync`, `extract`, `normalize` or `load`; `None` when the
            load failed before dlt took over, in the source's own function or in its settings.
    """

    def __init__(self, pipeline_name: str, step: str | None, problem: str) -> None:
        self.pipeline_name = pipeline_name
        self.step = step
        where = f" in step {step!r}" if step else ""
        super().__init__(f"pipeline {pipeline_name!r} failed{where}: {problem}")


class TerminalLoadError(LoadError):
    """Raised when a load failed in a way that trying again will not cure."""


class TransientLoadError(LoadError):
    """Raised when a load failed in a way that trying again may cure."""

    may_go_away = True


def listed(names: Iterable[str]) -> str:
    """Say which names exist, for the end of a message."""
    names = tuple(names)
    return f"there are: {', '.join(names)}" if names else "there are none"


def closest(asked: str, names: Iterable[str]) -> str:
    """Say which name was probably meant, or nothing."""
    matches = difflib.get_close_matches(asked, list(names), n=1)
    return f" (did you mean {matches[0]!r}?)" if matches else ""
