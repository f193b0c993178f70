"""Builds the tasks of one plan in a Dag or a group. What the tasks are was decided in the core."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, TaskGroup, get_parsing_context

from airflow_dlt_provider import settings
from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import PlanError, ResourceNotFoundError, listed
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedResource, PlannedTask
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.planning.selection import match_names
from airflow_dlt_provider.core.planning.task_docs import task_docs
from airflow_dlt_provider.core.source_options import SourceOptions
from airflow_dlt_provider.core.spec import (
    DECOMPOSE_MODES,
    ConnectionValues,
    Decompose,
    PlanSpec,
    Registration,
    SourceSpec,
)
from airflow_dlt_provider.operators.dlt import DltResourceOperator
from airflow_dlt_provider.operators.finish import DltFinishOperator
from airflow_dlt_provider.run_params import FULL_REFRESH, build_params
from airflow_dlt_provider.templates import render_with_defaults

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadOptions:
    """The arguments that `DltDag` and `DltTaskGroup` share, with their meaning there."""

    source: str | Callable[..., Any]
    base_dir: Path
    pipeline_name: str
    source_kwargs: Mapping[str, Any]
    destination: Any
    dataset_name: str | None
    staging: Any
    loader_file_format: str | None
    schema_contract: Any
    resources: Sequence[str] | None
    exclude: Sequence[str]
    decompose: Decompose
    task_options: Mapping[str, Mapping[str, Any]]
    after: Mapping[str, Sequence[str]]
    configure: str | Callable[..., Any] | None
    state_store: str | None
    emit_when_empty: bool
    planned_as: str
    """The id of the Dag whose plan it is: a full refresh Dag has that of its base."""
    is_full_refresh: bool = False
    """Whether a run is a full refresh unless it says otherwise."""
    source_conn_id: str | None = None
    destination_conn_id: str | None = None
    options: SourceOptions = field(default_factory=SourceOptions)
    """What is said of the source and its resources: `resource_options`, and more of a file."""
    registration: Registration | None = None
    """The entry of the source in a `sources.yml`."""
    allow_empty_replace: bool = True

    def plan_spec(self, dag: DAG) -> PlanSpec:
        """Return what is to be planned, with the defaults of the Dag's params in templates."""
        if self.decompose not in DECOMPOSE_MODES:
            raise PlanError(f"decompose={self.decompose!r} is unknown; {listed(DECOMPOSE_MODES)}")
        if not isinstance(self.source_kwargs, Mapping):
            raise PlanError(f"source_kwargs={self.source_kwargs!r} is no mapping of argument names")
        kwargs = render_with_defaults(dict(self.source_kwargs), dag)
        return PlanSpec(
            source=SourceSpec(
                self.source,
                self.base_dir,
                kwargs,
                self.configure,
                self.options,
                self.registration,
                self.source_conn_id,
            ),
            resources=None if self.resources is None else _names("resources", self.resources),
            exclude=_names("exclude", self.exclude),
            decompose=self.decompose,
            after={name: _names("after", earlier) for name, earlier in self.after.items()},
        )


class ResourceTasks(Mapping[str, DltResourceOperator]):
    """Resource name -> the task that loads it.

    A task is built when it is first asked for, so that the process of one task need not build
    the others.
    """

    def __init__(self, plan: LoadPlan, build: Callable[[PlannedTask], DltResourceOperator]) -> None:
        self._planned = {name: task for task in plan.tasks for name in _names_in(task)}
        self._build = build
        self._built: dict[str, DltResourceOperator] = {}

    def __getitem__(self, resource_name: str) -> DltResourceOperator:
        try:
            planned = self._planned[resource_name]
        except KeyError:
            raise KeyError(f"no task loads {resource_name!r}; {listed(self._planned)}") from None
        return self.task_of(planned)

    def __iter__(self) -> Iterator[str]:
        return iter(self._planned)

    def __len__(self) -> int:
        return len(self._planned)

    def task_of(self, planned: PlannedTask) -> DltResourceOperator:
        """Return the operator of *planned*."""
        if planned.key not in self._built:
            self._built[planned.key] = self._build(planned)
        return self._built[planned.key]


class LoadTasks:
    """All tasks of one plan, in a Dag or in a group of it.

    Args:
        dag: The Dag.
        group: The group that holds the tasks; the Dag's own for a `DltDag`.
        options: What the user asked for.

    Raises:
        PlanError: Something is asked for that is not there.
    """

    def __init__(self, dag: DAG, group: TaskGroup, options: LoadOptions) -> None:
        self._group = group
        asked_task_id = _asked_task_id(dag)
        self._plan = _plan(dag, group, options, is_task=asked_task_id is not None)
        self.by_resource = ResourceTasks(
            self._plan, _ResourceTaskBuilder(dag, group, options, self._plan)
        )
        self._planned = {_task_id(group, planned.key): planned for planned in self._plan.tasks}
        keys = frozenset(planned.key for planned in self._plan.tasks)
        self._finish_key = names.finish_task_key(keys)
        self._options = options
        self._pipeline_asset = _pipeline_asset(options, dag)
        self._add_params(dag)
        self._finish: DltFinishOperator | None = None
        # a file that goes on with these tasks may ask for them in ways that we do not see, which
        # matters to its own tasks alone
        ours = (*self._planned, _task_id(group, self._finish_key))
        if group.is_root and asked_task_id in ours:
            self.build(asked_task_id)
        else:
            self._build_all()

    def _add_params(self, dag: DAG) -> None:
        """Add the params that say what a run is asked for, except those that the user has."""
        prefix = names.param_prefix(self._group.group_id)
        params = build_params(
            prefix, self._plan.resource_names, full_refresh=self._options.is_full_refresh
        )
        for name, param in params.items():
            is_the_point = self._options.is_full_refresh and name == f"{prefix}{FULL_REFRESH}"
            if name not in dag.params or is_the_point:
                dag.params[name] = param

    def build(self, task_id: str) -> None:
        """Build one task, unless it is there already or is none of this plan's."""
        if task_id in self._planned:
            self.by_resource.task_of(self._planned[task_id])
        elif task_id == _task_id(self._group, self._finish_key):
            self._finish_task()

    def _build_all(self) -> None:
        finish = self._finish_task()
        for planned in self._plan.tasks:
            earlier = [item for item in self._plan.tasks if item.key in planned.after]
            task = self.by_resource.task_of(planned)
            [self.by_resource.task_of(item) for item in earlier] >> task >> finish

    def _finish_task(self) -> DltFinishOperator:
        if self._finish is None:
            self._finish = DltFinishOperator(
                task_id=self._finish_key,
                task_group=self._group,
                dag=self._group.dag,
                resource_task_ids=list(self._planned),
                pipeline_name=self._options.pipeline_name,
                pipeline_asset=self._pipeline_asset,
                state_store=self._options.state_store,
            )
        return self._finish


def _asked_task_id(dag: DAG) -> str | None:
    """Return the one task that this process is going to run, if it is a task's process."""
    context = get_parsing_context()
    return context.task_id if context.dag_id == dag.dag_id else None


def _task_id(group: TaskGroup, key: str) -> str:
    return str(group.child_id(key))


def _names_in(task: PlannedTask) -> tuple[str, ...]:
    # a task that stands for a whole source goes by its own key
    return task.resource_names or (task.key,)


def _plan(dag: DAG, group: TaskGroup, options: LoadOptions, *, is_task: bool) -> LoadPlan:
    file_name = names.manifest_file_name(options.planned_as, group.group_id)
    planned = plan_load(
        options.plan_spec(dag),
        settings.manifest_dir() / file_name,
        None if is_task else settings.manifest_ttl_seconds(),
        _read_connection,
    )
    for warning in planned.warnings:
        log.warning("Dag %s: %s", dag.dag_id, warning)
    return planned.plan


def _read_connection(conn_id: str) -> ConnectionValues:
    # a plan that is kept needs no connection
    from airflow_dlt_provider.hooks.dlt import read_connection

    return read_connection(conn_id)


class _ResourceTaskBuilder:
    """Builds the operator of one planned task."""

    def __init__(self, dag: DAG, group: TaskGroup, options: LoadOptions, plan: LoadPlan) -> None:
        self._dag = dag
        self._group = group
        self._options = options
        self._plan = plan
        self._task_options = _task_options_by_resource(options.task_options, plan)
        self._asset_dataset = _asset_dataset(options, dag)
        self._pipeline_asset = _pipeline_asset(options, dag)
        self._param_prefix = names.param_prefix(group.group_id)

    def __call__(self, planned: PlannedTask) -> DltResourceOperator:
        options = self._options
        return DltResourceOperator(
            task_id=planned.key,
            dag=self._dag,
            task_group=self._group,
            task_key=planned.key,
            resource_names=planned.resource_names,
            source=options.source,
            source_kwargs=options.source_kwargs,
            configure=options.configure,
            options=options.options,
            registration=options.registration,
            source_conn_id=options.source_conn_id,
            destination_conn_id=options.destination_conn_id,
            base_dir=options.base_dir,
            destination=options.destination,
            dataset_name=options.dataset_name,
            pipeline_name=options.pipeline_name,
            staging=options.staging,
            loader_file_format=options.loader_file_format,
            schema_contract=options.schema_contract,
            resource_assets=self._resource_assets(planned),
            pipeline_asset=self._pipeline_asset,
            state_store=options.state_store,
            emit_when_empty=options.emit_when_empty,
            allow_empty_replace=options.allow_empty_replace,
            known_resources=self._plan.known_resources,
            source_names=self._plan.source_names,
            shared_tables=planned.shared_tables,
            planned_resources=[_facts(resource) for resource in planned.resources],
            earlier_task_ids=[_task_id(self._group, key) for key in planned.after],
            param_prefix=self._param_prefix,
            **self._operator_kwargs(planned),
        )

    def _resource_assets(self, planned: PlannedTask) -> dict[str, Asset]:
        pipeline, dataset = self._options.pipeline_name, self._asset_dataset
        return {
            resource.name: Asset(
                name=names.asset_name(pipeline, dataset, resource.table_name),
                uri=names.asset_uri(pipeline, dataset, resource.table_name),
            )
            for resource in planned.resources
        }

    def _operator_kwargs(self, planned: PlannedTask) -> dict[str, Any]:
        # what a run does not load is skipped, and what comes after it is loaded all the same
        kwargs: dict[str, Any] = {"trigger_rule": "none_failed"} if planned.after else {}
        if "doc_md" not in self._dag.default_args:
            kwargs["doc_md"] = task_docs(planned, self._plan.source_names)
        for name in _names_in(planned):
            kwargs |= self._task_options.get(name, {})
        return kwargs


def _facts(resource: PlannedResource) -> dict[str, str]:
    return {
        "name": resource.name,
        "table_name": resource.table_name,
        "write_disposition": resource.write_disposition,
    }


def _asset_dataset(options: LoadOptions, dag: DAG) -> str:
    return str(render_with_defaults(options.dataset_name, dag) or options.pipeline_name)


def _pipeline_asset(options: LoadOptions, dag: DAG) -> Asset:
    dataset = _asset_dataset(options, dag)
    return Asset(
        name=names.pipeline_asset_name(options.pipeline_name, dataset),
        uri=names.pipeline_asset_uri(options.pipeline_name, dataset),
    )


def _task_options_by_resource(
    task_options: Mapping[str, Mapping[str, Any]], plan: LoadPlan
) -> dict[str, dict[str, Any]]:
    available = [name for task in plan.tasks for name in _names_in(task)]
    by_resource: dict[str, dict[str, Any]] = {name: {} for name in available}
    for pattern, kwargs in task_options.items():
        if not isinstance(kwargs, Mapping):
            raise PlanError(
                f"task_options[{pattern!r}]={kwargs!r} is no mapping; write the operator's "
                f'arguments, for example {{"{pattern}": {{"retries": 5}}}}'
            )
        try:
            matching = match_names("task_options", [pattern], available)
        except ResourceNotFoundError:
            if plan.known_resources:
                raise
            # nobody knows the names of a source that could not be planned
            continue
        for name in matching:
            by_resource[name] |= kwargs
    return by_resource


def _names(argument: str, given: Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise PlanError(f"{argument}={given!r} is text; write a list: {argument}=[{given!r}]")
    return tuple(given)
