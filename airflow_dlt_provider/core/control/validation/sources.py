"""Checks of declared sources: each is imported, called and planned, and nothing is extracted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dlt.common.exceptions import MissingDependencyException

from airflow_dlt_provider.core.control.validation.check import Category, Check
from airflow_dlt_provider.core.control.validation.hidden import one_line, secrets_of
from airflow_dlt_provider.core.errors import SettingsError, SourceFailedError, ValueReferenceError
from airflow_dlt_provider.core.planning.declared_mistakes import mistake_of
from airflow_dlt_provider.core.planning.from_source import environment_of, plan_from_source
from airflow_dlt_provider.core.planning.plan import LoadPlan
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.values import resolve_source, resolve_values


@dataclass(frozen=True)
class Examined:
    """A declared source, and what came of planning it."""

    source: DeclaredSource
    plan: LoadPlan | None = None
    error: BaseException | None = None
    missing: tuple[ValueReferenceError, ...] = ()
    """Its references that have no value here."""
    missing_secrets: tuple[str, ...] = ()
    """Names of the secrets that its function asks dlt for, and that are nowhere."""

    @property
    def lacks_a_package(self) -> bool:
        """Whether something is not installed."""
        return isinstance(self.error, ModuleNotFoundError | MissingDependencyException)


def examine(source: DeclaredSource) -> Examined:
    """Plan a source, and keep what happened."""
    secrets: list[str] = []
    try:
        missing = missing_variables(source)
    except SettingsError as error:
        return Examined(source, error=error)
    try:
        plan, _ = plan_from_source(source.plan_spec(), secrets)
    except (Exception, SystemExit) as error:
        return Examined(source, None, error, missing, tuple(secrets))
    return Examined(source, plan, None, missing, tuple(secrets))


def missing_variables(source: DeclaredSource) -> tuple[ValueReferenceError, ...]:
    """Return the references of a source that have no value here.

    Raises:
        SettingsError: A file of secrets is no TOML.
    """
    spec = source.source_spec()
    environment = environment_of(spec)
    destination = resolve_values(
        {"destination": source.destination},
        environment,
        keep_missing=True,
        keys_in="airflow",
        source_name=source.name,
    )
    of_arguments = resolve_source(spec, environment, keep_missing=True)
    return (*of_arguments.missing, *destination.missing)


def check_source(examined: Examined) -> Iterator[Check]:
    """Yield what planning a source showed, but for packages that are not installed."""
    name = examined.source.name
    if examined.plan is not None:
        resources = examined.plan.resource_names
        count = f"{len(resources)} resource{'' if len(resources) == 1 else 's'}"
        text = f"{examined.source.reference} gives {count}: "
        yield Check("Sources", name, "pass", f"{text}{', '.join(resources)}")
        for table in dict.fromkeys(t for task in examined.plan.tasks for t in task.shared_tables):
            yield Check("Sources", name, "warn", _shared_table(table))
    if examined.error is not None and not examined.lacks_a_package:
        yield _problem(examined.source, examined.error, "Sources")
    for missing in examined.missing:
        yield Check("Sources", name, "warn", str(missing))
    for secret in examined.missing_secrets:
        yield Check("Sources", name, "warn", _missing_secret(name, secret))


def check_packages(examined: Examined) -> Check:
    """Say whether all that a source imports is installed."""
    name = examined.source.name
    if examined.error is not None and examined.lacks_a_package:
        return _problem(examined.source, examined.error, "Dependencies")
    if examined.error is not None:
        return Check(
            "Dependencies", name, "warn", "could not be told: the source cannot be planned here"
        )
    return Check("Dependencies", name, "pass", "all that its module imports is installed")


def check_tables(all_examined: Iterable[Examined]) -> Iterator[Check]:
    """Yield the tables of one dataset that several sources write (each replaces the other's)."""
    writers: dict[tuple[str, str, str], list[str]] = {}
    for examined in all_examined:
        source = examined.source
        tasks = examined.plan.tasks if examined.plan else ()
        for table in dict.fromkeys(item.table_name for task in tasks for item in task.resources):
            place = (source.entry.airflow.destination or "", source.dataset_name, table)
            writers.setdefault(place, []).append(source.name)
    for (_, dataset, table), names in writers.items():
        if len(names) > 1:
            text = (
                f"writes {dataset}.{table}, as {', '.join(names[:-1])} does; what replaces it "
                "takes the other's rows away: give one a dataset_name or a table_name of its own"
            )
            yield Check("Sources", names[-1], "warn", text)


def _problem(source: DeclaredSource, error: BaseException, category: Category) -> Check:
    secrets = secrets_of(source)
    if isinstance(error, SourceFailedError):
        # a worker may have the credential or the network that this machine has not
        text = f"{source.reference} fails here, and may not on a worker: {error}"
        return Check(category, source.name, "warn", one_line(text, secrets))
    text = str(mistake_of(source, error))
    return Check(category, source.name, "fail", one_line(text, secrets))


def _shared_table(table: str) -> str:
    return f"several of its resources write the table {table!r}, each in a task of its own"


def _missing_secret(source_name: str, key: str) -> str:
    return (
        f"asks for the secret {key}, which is not set here; put {key} into "
        f"[sources.{source_name}] of .dlt/secrets.toml, or set "
        f"SOURCES__{source_name.upper()}__{key.upper()}"
    )
