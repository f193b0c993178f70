"""Builds the tasks of one plan in a Dag or a group. What the tasks are was decided in the core."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from airflow.sdk import DAG, TaskGroup, get_parsing_context
from airflow.sdk.log import mask_secret

from airflow_dlt_provider import settings
from airflow_dlt_provider.asked_plans import AskedPlan, note_asked_plan
from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import PlanError, listed
from airflow_dlt_provider.core.planning.manifest import committed_path
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedTask
from airflow_dlt_provider.core.planning.planner import PlannedLoad, plan_load
from airflow_dlt_provider.core.planning.task_options import names_in
from airflow_dlt_provider.core.spec import ConnectionValues
from airflow_dlt_provider.load_options import LoadOptions
from airflow_dlt_provider.operators.dlt import DltResourceOperator
from airflow_dlt_provider.operators.finish import DltFinishOperator
from airflow_dlt_provider.run_params import FULL_REFRESH, build_params, without_load_params
from airflow_dlt_provider.task_builder import ResourceTaskBuilder, task_id_of

log = logging.getLogger(__name__)


class ResourceTasks(Mapping[str, DltResourceOperator]):
    """Resource name -> the task that loads it.

    A task is built when it is first asked for, so that the process of one task need not build
    the others.
    """

    def __init__(self, plan: LoadPlan, build: Callable[[PlannedTask], DltResourceOperator]) -> None:
        self._planned = {name: task for task in plan.tasks for name in names_in(task)}
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
        self._plan = _plan(dag, group, options, asked_task_id)
        self.by_resource = ResourceTasks(
            self._plan, ResourceTaskBuilder(dag, group, options, self._plan)
        )
        self._planned = {task_id_of(group, planned.key): planned for planned in self._plan.tasks}
        self._keys = frozenset(planned.key for planned in self._plan.tasks)
        self._finish_key = names.finish_task_key(self._keys)
        self._options = options
        self._pipeline_asset = options.pipeline_asset(dag)
        self._finish: DltFinishOperator | None = None
        # a file that goes on with these tasks may ask for them in ways that we do not see, which
        # matters to its own tasks alone
        ours = (*self._planned, task_id_of(group, self._finish_key))
        with without_load_params(dag):
            if group.is_root and asked_task_id in ours:
                self.build(asked_task_id)
            else:
                self._build_all()
        self._add_params(dag)

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
        elif task_id == task_id_of(self._group, self._finish_key):
            self._finish_task()

    def _build_all(self) -> None:
        finish = self._finish_task()
        by_key = {planned.key: planned for planned in self._plan.tasks}
        for planned in self._plan.tasks:
            task = self.by_resource.task_of(planned)
            if planned.after:
                task.set_upstream([self.by_resource.task_of(by_key[key]) for key in planned.after])
            # what `task >> finish` comes to; that also hashes the ids of all tasks of the Dag for
            # every arrow, a sixth of the time in which a Dag of 1,000 is built (3.3.2)
            task.downstream_task_ids.add(finish.task_id)
            finish.upstream_task_ids.add(task.task_id)

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


def _plan(dag: DAG, group: TaskGroup, options: LoadOptions, asked_task_id: str | None) -> LoadPlan:
    spec = options.plan_spec(dag)
    committed = committed_path(spec.source.base_dir, options.planned_as, group.group_id)
    is_collected = note_asked_plan(
        AskedPlan(
            dag_id=dag.dag_id,
            spec=spec,
            committed=committed,
            pipeline_name=options.pipeline_name,
            dataset_name=options.asset_dataset(dag),
            state_store=options.state_store,
        )
    )
    manifest_path = settings.manifest_dir() / committed.name
    ttl_seconds = None if asked_task_id else settings.manifest_ttl_seconds()
    planned = plan_load(spec, manifest_path, ttl_seconds, read_connection, mask, committed)
    batch_key = _asked_batch_key(group, options, asked_task_id)
    if batch_key and planned.origin == "manifest" and not _has_task(planned.plan, batch_key):
        # a worker that keeps plans of its own may have one from before the source was changed
        planned = plan_load(spec, manifest_path, 0, read_connection, mask, committed)
    if batch_key and not _has_task(planned.plan, batch_key):
        raise _unknown_batch(asked_task_id, planned, options.max_tasks)
    # whoever collects plans makes them anew, and has the last word on them
    for warning in () if is_collected else planned.warnings:
        log.warning("Dag %s: %s", dag.dag_id, warning)
    return planned.plan


def _asked_batch_key(
    group: TaskGroup, options: LoadOptions, asked_task_id: str | None
) -> str | None:
    """Return the key of the batch of this plan that this process is going to load, if it is one."""
    prefix = task_id_of(group, "")
    if options.max_tasks is None or not asked_task_id or not asked_task_id.startswith(prefix):
        return None
    key = asked_task_id.removeprefix(prefix)
    return key if names.is_batch_key(key) else None


def _has_task(plan: LoadPlan, key: str) -> bool:
    return any(planned.key == key for planned in plan.tasks)


def _unknown_batch(
    asked_task_id: str | None, planned: PlannedLoad, max_tasks: int | None
) -> PlanError:
    """Return what stops a worker that packs otherwise than the scheduler, before it loads."""
    keys = listed(sorted(task.key for task in planned.plan.tasks))
    problem = f"task {asked_task_id!r} is no batch of max_tasks={max_tasks} here; {keys}. "
    if planned.origin == "source":
        return PlanError(
            f"{problem}The source was just asked for its resources, and the scheduler's plan is of "
            "other ones, or of another version of its files: give both the same files, and start "
            "a new run when the Dag has been planned again, at the latest after [dlt] manifest_ttl"
        )
    if planned.origin == "manifest":
        return PlanError(
            f"{problem}This worker has another version of the Dag file, or of the committed "
            "manifest beside it, than the scheduler had: give both the same, and start a new run"
        )
    return PlanError(
        f"{problem}Its plan: {'; '.join(planned.warnings)}. Let this worker reach what the source "
        "needs, and clear the task"
    )


def mask(secrets: Iterable[str]) -> None:
    """Hide secrets in Airflow's logs."""
    for secret in secrets:
        mask_secret(secret)


def read_connection(conn_id: str) -> ConnectionValues:
    """Look up a connection of Airflow's."""
    # a plan that is kept needs no connection
    from airflow_dlt_provider.hooks.dlt import read_connection

    return read_connection(conn_id)
