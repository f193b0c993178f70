"""From a plan to Airflow objects: the two things a Dag file builds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, TaskGroup, get_parsing_context

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.source_options import SourceOptions
from airflow_dlt_provider.core.spec import Decompose, OnFailure
from airflow_dlt_provider.load_options import LoadOptions
from airflow_dlt_provider.wiring import LoadTasks, ResourceTasks

if TYPE_CHECKING:
    from airflow.sdk.types import Operator

Names = Sequence[str]
TaskOptions = Mapping[str, Mapping[str, Any]]
ResourceOptions = Mapping[str, Mapping[str, Any]]


class LoadDag(DAG):
    """A Dag with the tasks of a plan.

    Args:
        dag_id: Airflow's.
        options: What is loaded.
        file: The file of the Dag, where Airflow would take this one.
        **dag_kwargs: Airflow's own.

    Attributes:
        resource_tasks: Resource name -> the task that loads it.
    """

    def __init__(self, dag_id: str, options: LoadOptions, file: Path, **dag_kwargs: Any) -> None:
        super().__init__(dag_id, **{"max_active_runs": 1, "catchup": False, **dag_kwargs})
        # Airflow takes the file that calls DAG(), which is this one
        self.fileloc = str(file)
        self._load_tasks = LoadTasks(self, self.task_group, options)

    @property
    def resource_tasks(self) -> ResourceTasks:
        """Resource name -> the task that loads it."""
        return self._load_tasks.by_resource

    def get_task(self, task_id: str) -> Operator:
        """Return a task by its id; in the process of another task it is built for this."""
        self._load_tasks.build(task_id)
        return super().get_task(task_id)


class DltDag(LoadDag):
    """A Dag that loads a dlt source, one task per resource.

    ```python
    dag = DltDag("shop", "shop_source:shop", schedule="@daily", dataset_name="raw_shop")
    ```

    Args:
        dag_id: Airflow's.
        source: `"module:function"`, with the module beside the Dag file or installed; or the
            function itself. It returns a dlt source, a resource, or a list of them. Named as text,
            it is imported only when its plan is out of date.
        source_kwargs: Arguments of the function. Strings are templates that give native types
            (`"{{ params.until }}"`); `${VAR}` and `${VAR:-default}` are replaced on the worker.
            Parameters `start_date` and `end_date` of the function that are not given here are given
            the ends of a window in a run that loads one.
        source_conn_id: An Airflow connection, whose credentials the function is given as
            `credentials`: a database's for `sql_database`, a bucket's for `filesystem`.
        destination: A dlt destination name or factory, or an address such as
            `postgresql://user:${PASSWORD}@host/db`. Default: what dlt is configured for, else
            DuckDB, in the file `<[dlt] data_dir>/<pipeline_name>.duckdb`.
        destination_conn_id: An Airflow connection to load to, in place of *destination*.
        dataset_name: Default: *pipeline_name*. A template.
        pipeline_name: Base name of the dlt pipelines; default: *dag_id*. Cursors belong to it.
        staging: dlt's staging destination.
        loader_file_format: dlt's format of load files.
        schema_contract: dlt's schema contract for every load.
        resources: Names or glob patterns; default: what the source itself selects.
        exclude: Names or glob patterns of resources to leave out.
        decompose: `"resource"`: a task for each resource. `"component"`: a task for each tree of
            resources that feed each other, so that none is extracted twice. `"none"`: one task.
        max_tasks: Pack the resources into at most so many tasks, each with one pipeline and one
            load package: faster than a task for each where they are small and many. Resources
            that feed each other stay together, and those with different *task_options* apart.
            Batches take about as long as each other if a committed manifest remembers how long
            each resource takes (`airflow-dlt manifest build`); else resources are dealt out in
            turn. A batch is named after what is in it; cursors go along when it changes.
        on_failure: `"continue"`: when one resource of a task fails while it is extracted, the
            others are loaded, the task fails, and its retry loads what is missing. `"stop"`: none
            of them is loaded.
        task_options: Resource name or glob pattern -> arguments of Airflow's operator, such as
            `{"orders": {"retries": 5, "pool": "api"}}`. Later entries win.
        after: Resource name -> resources that are loaded before it.
        configure: `"module:function"`, or a function: takes the source on the worker and returns
            it, with `add_map`, hints or limits applied.
        resource_options: Resource name or glob pattern -> what is said of it without Python, such
            as `{"orders": {"write_disposition": "merge", "primary_key": "id"}}`. Keys:
            `write_disposition`, `primary_key`, `merge_key`, `columns`, `table_name`,
            `max_table_nesting`, `schema_contract`, `incremental`, `limit` (rows), `table_format`,
            `file_format`, `parallelized`, all with dlt's meaning. They are applied after
            *configure*. Later entries win, key by key.
        full_refresh_dag: Also make the Dag `<dag_id>__full_refresh`, whose runs are full refreshes.
            It loads by the same pipelines, so that a load of one Dag waits for that of the other.
        state_store: Where the ledger of loads is kept: `"asset"`, a SQLAlchemy URL or the id of an
            Airflow connection. Default: what `[dlt] state_store` in Airflow's configuration says.
        emit_when_empty: Whether a load that wrote no rows updates the table's asset too. With
            `False` it does not, and Dags that are scheduled on the table are not triggered.
        allow_empty_replace: Whether a load without rows may empty a table that each load replaces,
            as dlt does. With `False` its task fails and the table stays as it is, unless the run's
            param of that name is set. A full refresh never empties a table without that param.
        **dag_kwargs: Airflow's own; `max_active_runs=1` and `catchup=False` unless given.

    Attributes:
        resource_tasks: Resource name -> the task that loads it.
        full_refresh_dag: The other Dag, or `None`; also in the process of a task of this one.

    Raises:
        PlanError: Something is asked for that is not there.
    """

    def __init__(
        self,
        dag_id: str,
        source: str | Callable[..., Any],
        *,
        source_kwargs: Mapping[str, Any] | None = None,
        source_conn_id: str | None = None,
        destination: Any = None,
        destination_conn_id: str | None = None,
        dataset_name: str | None = None,
        pipeline_name: str | None = None,
        staging: Any = None,
        loader_file_format: str | None = None,
        schema_contract: Any = None,
        resources: Names | None = None,
        exclude: Names = (),
        decompose: Decompose = "resource",
        max_tasks: int | None = None,
        on_failure: OnFailure = "continue",
        task_options: TaskOptions | None = None,
        after: Mapping[str, Names] | None = None,
        configure: str | Callable[..., Any] | None = None,
        resource_options: ResourceOptions | None = None,
        full_refresh_dag: bool = False,
        state_store: str | None = None,
        emit_when_empty: bool = True,
        allow_empty_replace: bool = True,
        **dag_kwargs: Any,
    ) -> None:
        file = calling_file()
        options = LoadOptions(
            source=source,
            base_dir=file.parent,
            pipeline_name=pipeline_name or names.default_pipeline_name(dag_id),
            source_kwargs=source_kwargs or {},
            source_conn_id=source_conn_id,
            destination=destination,
            destination_conn_id=destination_conn_id,
            dataset_name=dataset_name,
            staging=staging,
            loader_file_format=loader_file_format,
            schema_contract=schema_contract,
            resources=resources,
            exclude=exclude,
            decompose=decompose,
            max_tasks=max_tasks,
            on_failure=on_failure,
            task_options=task_options or {},
            after=after or {},
            configure=configure,
            options=_options(resource_options),
            state_store=state_store,
            planned_as=dag_id,
            emit_when_empty=emit_when_empty,
            allow_empty_replace=allow_empty_replace,
        )
        super().__init__(dag_id, options, file, **dag_kwargs)
        self.full_refresh_dag: LoadDag | None = None
        if full_refresh_dag and is_asked_for(names.full_refresh_dag_id(dag_id)):
            self.full_refresh_dag = build_full_refresh_dag(self, options, dag_kwargs)


class DltTaskGroup(TaskGroup):
    """A group inside a Dag of the user's that loads a dlt source, one task per resource.

    ```python
    with DAG("shop", schedule="@daily"):
        load = DltTaskGroup("load", "shop_source:shop")
        load >> report()
        load.resource_tasks["orders"] >> invoice()
    ```

    Args:
        group_id: Airflow's.
        source: As in `DltDag`, and so is every argument that is not named here.
        pipeline_name: Default: `<dag_id>__<group_id>`.
        **group_kwargs: Airflow's own.

    Attributes:
        resource_tasks: Resource name -> the task that loads it.

    Raises:
        PlanError: Something is asked for that is not there.
    """

    def __init__(
        self,
        group_id: str,
        source: str | Callable[..., Any],
        *,
        source_kwargs: Mapping[str, Any] | None = None,
        source_conn_id: str | None = None,
        destination: Any = None,
        destination_conn_id: str | None = None,
        dataset_name: str | None = None,
        pipeline_name: str | None = None,
        staging: Any = None,
        loader_file_format: str | None = None,
        schema_contract: Any = None,
        resources: Names | None = None,
        exclude: Names = (),
        decompose: Decompose = "resource",
        max_tasks: int | None = None,
        on_failure: OnFailure = "continue",
        task_options: TaskOptions | None = None,
        after: Mapping[str, Names] | None = None,
        configure: str | Callable[..., Any] | None = None,
        resource_options: ResourceOptions | None = None,
        state_store: str | None = None,
        emit_when_empty: bool = True,
        allow_empty_replace: bool = True,
        **group_kwargs: Any,
    ) -> None:
        super().__init__(group_id, **group_kwargs)
        default_name = names.default_pipeline_name(self.dag.dag_id, self.group_id)
        self._load_tasks = LoadTasks(
            self.dag,
            self,
            LoadOptions(
                source=source,
                base_dir=calling_file().parent,
                pipeline_name=pipeline_name or default_name,
                source_kwargs=source_kwargs or {},
                source_conn_id=source_conn_id,
                destination=destination,
                destination_conn_id=destination_conn_id,
                dataset_name=dataset_name,
                staging=staging,
                loader_file_format=loader_file_format,
                schema_contract=schema_contract,
                resources=resources,
                exclude=exclude,
                decompose=decompose,
                max_tasks=max_tasks,
                on_failure=on_failure,
                task_options=task_options or {},
                after=after or {},
                configure=configure,
                options=_options(resource_options),
                state_store=state_store,
                planned_as=self.dag.dag_id,
                emit_when_empty=emit_when_empty,
                allow_empty_replace=allow_empty_replace,
            ),
        )

    @property
    def resource_tasks(self) -> ResourceTasks:
        """Resource name -> the task that loads it."""
        return self._load_tasks.by_resource


def _options(resource_options: ResourceOptions | None) -> SourceOptions:
    if resource_options is None:
        return SourceOptions()
    # most Dags say none, and are parsed without it
    from airflow_dlt_provider.core.registry.options import parse_source_options

    return parse_source_options({"resource_options": resource_options})


def build_full_refresh_dag(
    base: DAG, options: LoadOptions, dag_kwargs: Mapping[str, Any]
) -> LoadDag:
    """Return the Dag that refreshes what *base* loads, and make Airflow find it."""
    kwargs = {
        # nobody sees why a run that was triggered waits
        "is_paused_upon_creation": False,
        "description": f"Full refresh of what the Dag {base.dag_id} loads.",
        **dag_kwargs,
        "schedule": None,
    }
    if "dag_display_name" in kwargs:
        kwargs["dag_display_name"] = f"{kwargs['dag_display_name']}: full refresh"
    dag = LoadDag(
        names.full_refresh_dag_id(base.dag_id),
        replace(options, is_full_refresh=True),
        Path(base.fileloc),
        **kwargs,
    )
    with dag:
        # Airflow finds a Dag that was entered, although no variable of the file holds it
        return dag


def is_asked_for(*dag_ids: str) -> bool:
    """Tell whether this process wants one of these Dags: that of a task wants its own alone."""
    return get_parsing_context().dag_id in (None, *dag_ids)


def calling_file() -> Path:
    """Return the file outside this package from which the running code was called."""
    frame = sys._getframe(1)
    while frame.f_back and _is_ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return Path(frame.f_code.co_filename).resolve()


def _is_ours(module_name: str) -> bool:
    return module_name == __package__ or module_name.startswith(f"{__package__}.")
