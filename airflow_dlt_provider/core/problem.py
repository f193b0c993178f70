"""One line for an exception of dlt's or of user code."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence

from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    LookupTrace,
    LookupTraces,
)

from airflow_dlt_provider.core.errors import DltProviderError

ENVIRONMENT = "Environment Variables"
"""dlt's name of the provider that reads environment variables."""


def describe_problem(error: BaseException) -> str:
    """Say what *error* is, and for a missing setting where to put it."""
    if missing := missing_setting(error):
        return _missing_configuration(missing)
    *_, root = chain_of(error)
    # dlt quotes the text of an exception of user code; that of a KeyError is only the key
    origin = "" if type(root).__name__ in f"{type(error)} {error}" else f" ({type(root).__name__})"
    return f"{type(error).__name__}: {str(error).strip()}{origin}"


def describe_import_problem(error: BaseException) -> str:
    """Say what is wrong with a module of the user's that cannot be imported."""
    if isinstance(error, DltProviderError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}, is no Python: {error.msg}"
    if isinstance(error, ModuleNotFoundError):
        return (
            f"{error} (imported by {_place_of(error)}); install it where Airflow runs, for "
            f"example: pip install {(error.name or '').partition('.')[0]}"
        )
    if isinstance(error, ImportError | NameError | AttributeError):
        return f"{describe_problem(error)} ({_place_of(error)})"
    return describe_problem(error)


def _place_of(error: BaseException) -> str:
    """Say where code of the user's failed."""
    frames = traceback.extract_tb(error.__traceback__)
    libraries = ("importlib", "site-packages")
    own = [frame for frame in frames if not any(name in frame.filename for name in libraries)]
    return f"{own[-1].filename}, line {own[-1].lineno}" if own else "a module"


def missing_setting(error: BaseException) -> ConfigFieldMissingException | None:
    """Return the missing setting behind *error*, if that is what it comes from."""
    missing = (e for e in chain_of(error) if isinstance(e, ConfigFieldMissingException))
    return next(missing, None)


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield *error* and what it comes from, step by step."""
    while error is not None:
        yield error
        # `raise ... from None` says that what came before is of no matter
        context = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or context


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
