"""Builds the tasks of one plan in a Dag or a group. What the tasks are was decided in the core."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, TaskGroup, get_parsing_context

from airflow_dlt_provider import settings
from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import PlanError, listed
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedTask
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.planning.selection import match_names
from airflow_dlt_provider.core.spec import DECOMPOSE_MODES, Decompose, PlanSpec, SourceSpec
from airflow_dlt_provider.operators.dlt import DltFinishOperator, DltResourceOperator
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

    def plan_spec(self, dag: DAG) -> PlanSpec:
        """Return what is to be planned, with the defaults of the Dag's params in templates."""
        if self.decompose not in DECOMPOSE_MODES:
            raise PlanError(f"decompose={self.decompose!r} is unknown; {listed(DECOMPOSE_MODES)}")
        kwargs = render_with_defaults(dict(self.source_kwargs), dag)
        return PlanSpec(
            source=SourceSpec(self.source, self.base_dir, kwargs, self.configure),
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
        self._planned = {name: task for task in plan.tasks for name in task.resource_names}
        # a task that stands for a whole source goes by its own key
        self._planned |= {task.key: task for task in plan.tasks if not task.resources}
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


def build_tasks(dag: DAG, group: TaskGroup, options: LoadOptions) -> ResourceTasks:
    """Plan the source of *options* and build its tasks in *group* of *dag*.

    Raises:
        PlanError: Something is asked for that is not there.
    """
    asked_task_id = _asked_task_id(dag)
    plan = _plan(dag, options, is_task=asked_task_id is not None)
    build = _ResourceTaskBuilder(dag, group, options, plan)
    tasks = ResourceTasks(plan, build)
    finish_key = names.finish_task_key(frozenset(task.key for task in plan.tasks))
    if asked_task_id is None:
        finish = _build_finish_task(group, finish_key, plan)
        for planned in plan.tasks:
            _after(tasks, planned, plan) >> tasks.task_of(planned) >> finish
    elif asked_task_id == _task_id(group, finish_key):
        _build_finish_task(group, finish_key, plan)
    else:
        for planned in plan.tasks:
            if asked_task_id == _task_id(group, planned.key):
                tasks.task_of(planned)
    return tasks


def _asked_task_id(dag: DAG) -> str | None:
    """Return the one task that this process is going to run, if it is a task's process."""
    context = get_parsing_context()
    return context.task_id if context.dag_id == dag.dag_id else None


def _plan(dag: DAG, options: LoadOptions, *, is_task: bool) -> LoadPlan:
    file_name = names.manifest_file_name(options.pipeline_name, str(options.base_dir))
    planned = plan_load(
        options.plan_spec(dag),
        settings.manifest_dir() / file_name,
        None if is_task else settings.manifest_ttl_seconds(),
    )
    for warning in planned.warnings:
        log.warning("Dag %s: %s", dag.dag_id, warning)
    return planned.plan


def _build_finish_task(group: TaskGroup, key: str, plan: LoadPlan) -> DltFinishOperator:
    return DltFinishOperator(
        task_id=key,
        task_group=group,
        dag=group.dag,
        resource_task_ids=[_task_id(group, planned.key) for planned in plan.tasks],
    )


def _task_id(group: TaskGroup, key: str) -> str:
    return str(group.child_id(key))  # type: ignore[no-untyped-call]


def _after(tasks: ResourceTasks, planned: PlannedTask, plan: LoadPlan) -> list[DltResourceOperator]:
    return [tasks.task_of(earlier) for earlier in plan.tasks if earlier.key in planned.after]


class _ResourceTaskBuilder:
    """Builds the operator of one planned task."""

    def __init__(self, dag: DAG, group: TaskGroup, options: LoadOptions, plan: LoadPlan) -> None:
        self._dag = dag
        self._group = group
        self._options = options
        self._known_resources = plan.known_resources
        self._task_options = _task_options_by_resource(options.task_options, plan)
        self._asset_dataset = str(
            render_with_defaults(options.dataset_name, dag) or options.pipeline_name
        )

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
            base_dir=options.base_dir,
            destination=options.destination,
            dataset_name=options.dataset_name,
            pipeline_name=options.pipeline_name,
            staging=options.staging,
            loader_file_format=options.loader_file_format,
            schema_contract=options.schema_contract,
            table_assets=self._table_assets(planned),
            known_resources=self._known_resources,
            **self._operator_kwargs(planned),
        )

    def _table_assets(self, planned: PlannedTask) -> dict[str, Asset]:
        return {
            table: Asset(
                name=names.asset_name(self._options.pipeline_name, self._asset_dataset, table),
                uri=names.asset_uri(self._options.pipeline_name, self._asset_dataset, table),
            )
            for table in dict.fromkeys(resource.table_name for resource in planned.resources)
        }

    def _operator_kwargs(self, planned: PlannedTask) -> dict[str, Any]:
        kwargs: dict[str, Any] = {}
        for name in planned.resource_names:
            kwargs |= self._task_options.get(name, {})
        return kwargs


def _task_options_by_resource(
    task_options: Mapping[str, Mapping[str, Any]], plan: LoadPlan
) -> dict[str, dict[str, Any]]:
    available = [name for task in plan.tasks for name in task.resource_names]
    by_resource: dict[str, dict[str, Any]] = {name: {} for name in available}
    # a source that could not be planned has no names to match
    for pattern, kwargs in task_options.items() if available else ():
        for name in match_names("task_options", [pattern], available):
            by_resource[name] |= kwargs
    return by_resource


def _names(argument: str, given: Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise PlanError(f"{argument}={given!r} is text; write a list: {argument}=[{given!r}]")
    return tuple(given)
