"""Checks of the destinations that declared sources load to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.common.destination.client import JobClientBase
from dlt.common.destination.exceptions import UnknownDestinationModule

from airflow_dlt_provider.core.control.validation.check import Check
from airflow_dlt_provider.core.control.validation.hidden import (
    one_line,
    secrets_of,
    secrets_of_credentials,
)
from airflow_dlt_provider.core.errors import (
    ConnectionNotFoundError,
    DltProviderError,
    closest,
    listed,
)
from airflow_dlt_provider.core.loading.destination import resolve_destination
from airflow_dlt_provider.core.loading.lock import single_writer_path
from airflow_dlt_provider.core.loading.opened import former_pipeline_kept
from airflow_dlt_provider.core.planning.source_import import user_code
from airflow_dlt_provider.core.problem import describe_import_problem
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.worker_values import LookUps, read_worker_values
from airflow_dlt_provider.core.run_context import loading_context
from airflow_dlt_provider.core.spec import DestinationSpec

BUSY_WORDS = ("Conflicting lock", "database is locked")
"""Said by DuckDB and SQLite of a file that another process has open."""


def check_destinations(
    sources: Sequence[DeclaredSource], data_dir: Path, look_ups: LookUps
) -> Iterator[Check]:
    """Yield for every destination of *sources* whether it can be reached and written to."""
    by_place: dict[str | None, list[DeclaredSource]] = {}
    for source in sources:
        by_place.setdefault(source.entry.airflow.destination, []).append(source)
    for of_place in by_place.values():
        subject = ", ".join(source.name for source in of_place)
        yield _check(of_place[0], subject, data_dir, look_ups)


def _check(source: DeclaredSource, subject: str, data_dir: Path, look_ups: LookUps) -> Check:
    secrets = [*secrets_of(source)]

    def mask(found: Iterable[Any]) -> None:
        secrets.extend(str(secret) for secret in found)

    try:
        values = read_worker_values(source.source_spec(), mask, look_ups)
        destination = values.resolved_destination(
            source.destination_spec(), source.destination_conn_id
        )
        with _opened(source, destination, data_dir) as (name, client):
            credentials = getattr(client.config, "credentials", None)
            secrets += secrets_of_credentials(credentials)
            return Check("Database", subject, "pass", f"{name}: {_reach(client)}")
    except ConnectionNotFoundError as error:
        # a task may know it
        return Check("Database", subject, "warn", one_line(str(error), secrets))
    except UnknownDestinationModule as error:
        known = sorted({*dlt.destinations.__all__} - {"destination"})
        text = f"{error.ref!r} is no destination{closest(error.ref, known)}; {listed(known)}"
        return Check("Database", subject, "fail", one_line(text, secrets))
    except Exception as error:
        problem = one_line(describe_import_problem(error), secrets)
        if any(word in problem for word in BUSY_WORDS):
            return Check("Database", subject, "warn", f"is in use by another process: {problem}")
        return Check("Database", subject, "fail", f"cannot be loaded to: {problem}")


@contextmanager
def _opened(
    source: DeclaredSource, destination: DestinationSpec, data_dir: Path
) -> Iterator[tuple[str, JobClientBase]]:
    """Give the name and a client of the destination of *source*, as a task finds it.

    Raises:
        Exception: Of dlt or of the destination's driver: it cannot be opened.
    """
    spec, name = source.source_spec(), source.pipeline_name
    with (
        former_pipeline_kept(),
        user_code(spec),
        loading_context(spec.base_dir, data_dir, name, name, registration=spec.registration),
        tempfile.TemporaryDirectory(prefix="airflow_dlt_") as folder,
    ):
        pipeline = dlt.pipeline(
            name,
            pipelines_dir=folder,
            destination=resolve_destination(destination.destination),
            dataset_name=destination.dataset_name or source.dataset_name,
        )
        yield str(pipeline.destination.destination_name), pipeline.destination_client()


def _reach(client: JobClientBase) -> str:
    """Reach a destination without changing it, and say what was reached."""
    path = single_writer_path(client)
    if path is not None and not path.exists():
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise DltProviderError(f"{path} cannot be made: {folder} is not writable")
        return f"{path} is made by the first load; its folder can be written to"
    with client as opened:
        opened.is_storage_initialized()
    if path is None:
        return "can be reached"
    if not os.access(path, os.W_OK):
        raise DltProviderError(f"{path} cannot be written to")
    return f"{path} can be opened and written to"
