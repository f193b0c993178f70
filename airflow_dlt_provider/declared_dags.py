"""From a `sources.yml` to Dags: one for each source that is enabled and without a mistake."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, get_parsing_context

from airflow_dlt_provider.core.errors import PlanError, ProjectFileError
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.mistakes import Mistake
from airflow_dlt_provider.core.registry.project import read_project
from airflow_dlt_provider.core.registry.unreferenced import unreferenced_warning
from airflow_dlt_provider.dag_factory import (
    LoadDag,
    build_full_refresh_dag,
    calling_file,
    is_asked_for,
)
from airflow_dlt_provider.declared_schedule import schedule_kwargs
from airflow_dlt_provider.wiring import LoadOptions

log = logging.getLogger(__name__)


class BrokenSourcesDag(DAG):
    """Stands for the sources that have mistakes.

    Airflow shows a Dag that does not validate as an import error of its file, and takes the other
    Dags of the file as they are.
    """

    def __init__(self, file: Path, mistakes: Sequence[Mistake]) -> None:
        super().__init__(f"mistakes_in_{file.stem}", schedule=None)
        self.mistakes = tuple(mistakes)

    def validate(self) -> None:
        """Tell all mistakes."""
        raise PlanError("\n".join(("", *(str(item) for item in self.mistakes))))


def load_dags(path: str | Path = ".") -> dict[str, DAG]:
    """Build the Dags of the sources that a project declares.

    ```python
    globals().update(load_dags(".dango/sources.yml"))
    ```

    A mistake in one source is an import error in Airflow's UI, with file, line and key, and the
    Dags of the other sources stand.

    Args:
        path: A `sources.yml`, or a folder with `.dango/sources.yml` or `sources.yml` in it;
            relative to the calling file.

    Returns:
        Registered name -> Dag. In the process of a task, its own Dag alone.

    Raises:
        ProjectFileError: There is no such file, or nothing in it can be read.
    """
    file = calling_file()
    project = read_project(file.parent / path)
    asked = get_parsing_context().dag_id
    if asked is None:
        _warn([item for item in project.mistakes if item.level == "warning"])
        if warning := unreferenced_warning(project):
            log.warning("%s", warning)
    mistakes = list(project.errors)
    dags: dict[str, DAG] = {}
    for source in project.enabled:
        if not is_asked_for(source.name, f"{source.name}__full_refresh"):
            continue
        try:
            dags |= {dag.dag_id: dag for dag in _build_dags(source, file)}
        except Exception as error:
            # this brings dlt
            from airflow_dlt_provider.core.problem import describe_import_problem

            problem = describe_import_problem(error)
            mistakes.append(source.checked.mistake((), f"gives no Dag: {problem}"))
    if mistakes and not dags and not project.sources:
        raise ProjectFileError(project.file, "\n".join(str(item) for item in mistakes))
    if mistakes and asked is None:
        _show(file, mistakes)
    return dags


def _build_dags(source: DeclaredSource, file: Path) -> Iterator[LoadDag]:
    options, dag_kwargs = _load_options(source), _dag_kwargs(source)
    dag = LoadDag(source.name, options, file, **dag_kwargs)
    if is_asked_for(source.name):
        yield dag
    if source.entry.airflow.full_refresh_dag:
        yield build_full_refresh_dag(dag, options, dag_kwargs)


def _load_options(source: DeclaredSource) -> LoadOptions:
    airflow, spec = source.entry.airflow, source.plan_spec()
    pool = {"*": {"pool": airflow.pool}} if airflow.pool else {}
    destination = source.destination_spec()
    return LoadOptions(
        source=source.reference,
        base_dir=spec.source.base_dir,
        pipeline_name=source.pipeline_name,
        source_kwargs=spec.source.source_kwargs,
        destination=destination.destination,
        dataset_name=destination.dataset_name,
        staging=destination.staging,
        loader_file_format=destination.loader_file_format,
        schema_contract=destination.schema_contract,
        resources=spec.resources,
        exclude=spec.exclude,
        decompose=spec.decompose,
        task_options={**pool, **airflow.task_options},
        after=spec.after,
        configure=airflow.configure,
        state_store=None,
        planned_as=source.name,
        emit_when_empty=airflow.emit_when_empty,
        source_conn_id=airflow.source_conn_id,
        destination_conn_id=source.destination_conn_id,
        options=spec.source.options,
        registration=source.registration,
    )


def _dag_kwargs(source: DeclaredSource) -> dict[str, Any]:
    entry, airflow = source.entry, source.entry.airflow
    of_tasks = ("retries", "retry_delay", "execution_timeout")
    given = {name: getattr(airflow, name) for name in of_tasks}
    kwargs = {
        "description": entry.description,
        "doc_md": entry.description,
        "tags": entry.tags,
        "catchup": airflow.catchup,
        "max_active_tasks": airflow.max_active_tasks,
        **schedule_kwargs(source),
        "default_args": {name: value for name, value in given.items() if value is not None},
    }
    return {name: value for name, value in kwargs.items() if value is not None}


def _warn(mistakes: Iterable[Mistake]) -> None:
    for item in mistakes:
        log.warning("%s", item)


def _show(file: Path, mistakes: Sequence[Mistake]) -> None:
    """Make Airflow show mistakes, and tell them in the log."""
    for item in mistakes:
        log.error("%s", item)
    with BrokenSourcesDag(file, mistakes):
        # Airflow finds a Dag that was entered, although no variable of the file holds it
        pass
