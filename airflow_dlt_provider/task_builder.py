"""Builds the operator of one planned task."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, TaskGroup

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.planning.plan import LoadPlan, PlannedResource, PlannedTask
from airflow_dlt_provider.core.planning.task_docs import task_docs
from airflow_dlt_provider.core.planning.task_options import names_in, task_options_by_resource
from airflow_dlt_provider.load_options import LoadOptions
from airflow_dlt_provider.operators.dlt import DltResourceOperator


class ResourceTaskBuilder:
    """Builds the operator of one planned task."""

    def __init__(self, dag: DAG, group: TaskGroup, options: LoadOptions, plan: LoadPlan) -> None:
        self._dag = dag
        self._group = group
        self._options = options
        self._plan = plan
        self._task_options = task_options_by_resource(options.task_options, plan)
        self._asset_dataset = options.asset_dataset(dag)
        self._pipeline_asset = options.pipeline_asset(dag)
        self._param_prefix = names.param_prefix(group.group_id)

    def __call__(self, planned: PlannedTask) -> DltResourceOperator:
        """Build it."""
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
            on_failure=options.on_failure,
            known_resources=self._plan.known_resources,
            source_names=self._plan.source_names,
            shared_tables=planned.shared_tables,
            planned_resources=[_facts(resource) for resource in planned.resources],
            earlier_task_ids=[task_id_of(self._group, key) for key in planned.after],
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
        for name in names_in(planned):
            kwargs |= self._task_options.get(name, {})
        return kwargs


def _facts(resource: PlannedResource) -> dict[str, str]:
    return {
        "name": resource.name,
        "table_name": resource.table_name,
        "write_disposition": resource.write_disposition,
    }


def task_id_of(group: TaskGroup, key: str) -> str:
    """Return the id in the Dag of a task of a group."""
    return str(group.child_id(key))
