"""From a `sources.yml` to Dags: one for each source that is enabled.

Airflow holds every Dag of a file for broken while the file has an import error (3.3.2: they are
stale, and cannot be triggered). So the mistakes of one source are a Dag in its place, whose runs
fail and say what is wrong; those of others stand.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import DAG, get_parsing_context

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import ProjectFileError
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.field_types import is_source_name
from airflow_dlt_provider.core.registry.mistakes import Mistake
from airflow_dlt_provider.core.registry.project import Project, read_project
from airflow_dlt_provider.core.registry.unreferenced import unreferenced_warning
from airflow_dlt_provider.dag_factory import (
    LoadDag,
    build_full_refresh_dag,
    calling_file,
    is_asked_for,
)
from airflow_dlt_provider.declared_schedule import schedule_kwargs
from airflow_dlt_provider.load_options import LoadOptions
from airflow_dlt_provider.operators.mistake import MistakeOperator

MISTAKE = "mistake"
"""Tag of a Dag that stands for mistakes, and the id of its task."""

log = logging.getLogger(__name__)


def load_dags(path: str | Path = ".") -> dict[str, DAG]:
    """Build the Dags of the sources that a project declares.

    ```python
    globals().update(load_dags(".dango/sources.yml"))
    ```

    A source with a mistake gets a Dag all the same, with the tag `mistake`: its description, and
    the run of it that fails, say file, line, key and what is allowed.

    Args:
        path: A `sources.yml`, or a folder with `.dango/sources.yml` or `sources.yml` in it;
            relative to the calling file.

    Returns:
        Dag id -> Dag; the id is the registered name. In the process of a task, its Dag alone.

    Raises:
        ProjectFileError: There is no such file, or nothing in it can be read.
    """
    file = calling_file()
    project = read_project(file.parent / path)
    if project.errors and not project.names:
        raise ProjectFileError(project.file, "\n".join(str(item) for item in project.errors))
    if get_parsing_context().dag_id is None:
        _tell(project)
    dags = {
        dag_id: _build_mistake_dag(dag_id, mistakes, file)
        for dag_id, mistakes in _mistakes_by_dag(project).items()
        if is_asked_for(dag_id)
    }
    for source in project.enabled:
        if is_asked_for(source.name, names.full_refresh_dag_id(source.name)):
            dags |= _dags_of(source, file)
    return dags


def _tell(project: Project) -> None:
    """Write all that is wrong or odd into the log of the Dag processor."""
    for item in project.mistakes:
        log.log(logging.ERROR if item.level == "error" else logging.WARNING, "%s", item)
    if warning := unreferenced_warning(project):
        log.warning("%s", warning)


def _mistakes_by_dag(project: Project) -> dict[str, list[Mistake]]:
    """Return the mistakes by the Dag that tells of them: the source's, or one for the file."""
    taken = {source.name for source in project.sources}
    mistakes: dict[str, list[Mistake]] = {}
    for item in project.errors:
        name = (item.source_name or "").lower()
        is_free = is_source_name(name) and name not in taken
        dag_id = name if is_free else names.mistakes_dag_id(item.file.name)
        mistakes.setdefault(dag_id, []).append(item)
    return mistakes


def _dags_of(source: DeclaredSource, file: Path) -> dict[str, DAG]:
    """Return the Dags of a source; or one that tells why it cannot be planned."""
    try:
        return {dag.dag_id: dag for dag in _build_dags(source, file)}
    except (Exception, SystemExit) as error:
        # this brings dlt
        from airflow_dlt_provider.core.planning.declared_mistakes import mistake_of

        mistake = mistake_of(source, error)
        log.error("%s", mistake)
        try:
            dag = _build_mistake_dag(source.name, [mistake], file, source)
        except Exception:
            # what Airflow refuses may be the source's schedule, or its tags
            dag = _build_mistake_dag(source.name, [mistake], file)
        return {source.name: dag}


def _build_mistake_dag(
    dag_id: str, mistakes: Sequence[Mistake], file: Path, source: DeclaredSource | None = None
) -> DAG:
    """Build a Dag whose runs fail; where the source's schedule is known, at its times."""
    lines = [str(item) for item in mistakes]
    kwargs: dict[str, Any] = schedule_kwargs(source) if source else {}
    dag = DAG(
        dag_id,
        schedule=kwargs.pop("schedule", None),
        description=lines[0],
        doc_md="\n".join(f"- `{line}`" for line in lines),
        tags=[MISTAKE, *(source.entry.tags if source else ())],
        catchup=False,
        max_active_runs=1,
        **kwargs,
    )
    dag.fileloc = str(file)
    _set_zone(dag, source)
    MistakeOperator(task_id=MISTAKE, dag=dag, mistakes=lines)
    return dag


def _build_dags(source: DeclaredSource, file: Path) -> Iterator[LoadDag]:
    options, dag_kwargs = _load_options(source), _dag_kwargs(source)
    dag = LoadDag(source.name, options, file, **dag_kwargs)
    _set_zone(dag, source)
    if is_asked_for(source.name):
        yield dag
    if source.entry.airflow.full_refresh_dag:
        yield build_full_refresh_dag(dag, options, dag_kwargs)


def _set_zone(dag: DAG, source: DeclaredSource | None) -> None:
    """Let the days of a Dag begin and end on the clock of its schedule; Airflow takes UTC."""
    if source and source.time_zone:
        dag.timezone = pendulum.timezone(source.time_zone)


def _load_options(source: DeclaredSource) -> LoadOptions:
    airflow, spec = source.entry.airflow, source.plan_spec()
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
        max_tasks=spec.max_tasks,
        on_failure=airflow.on_failure,
        task_options=airflow.task_options,
        after=spec.after,
        configure=airflow.configure,
        state_store=None,
        planned_as=source.name,
        emit_when_empty=airflow.emit_when_empty,
        source_conn_id=airflow.source_conn_id,
        destination_conn_id=source.destination_conn_id,
        options=spec.source.options,
        allow_empty_replace=airflow.allow_empty_replace,
        registration=source.registration,
    )


def _dag_kwargs(source: DeclaredSource) -> dict[str, Any]:
    entry, airflow = source.entry, source.entry.airflow
    of_tasks = ("pool", "retries", "retry_delay", "execution_timeout")
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
